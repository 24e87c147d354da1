"""What a table of the target loses for the time of the copy, and gets back exactly as it was."""

from __future__ import annotations

from confiture_sync.load.loader import Loader

__all__ = ["Loader"]
