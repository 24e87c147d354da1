"""Moves the rows: chunks, workers, and what a later run needs to go on."""

from __future__ import annotations

from confiture_sync.copying.running import Running, check_run, find_unfinished, running
from confiture_sync.copying.tables import copy_tables

__all__ = ["Running", "check_run", "copy_tables", "find_unfinished", "running"]
