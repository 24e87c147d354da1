"""What is refused before a row moves."""

from __future__ import annotations

from confiture_sync.guards.sides import check_sides
from confiture_sync.guards.target import check_target
from confiture_sync.guards.trial import try_rows

__all__ = ["check_sides", "check_target", "try_rows"]
