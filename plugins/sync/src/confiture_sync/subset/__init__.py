"""Which rows are copied, so that every foreign key finds its parent."""

from __future__ import annotations

from confiture_sync.subset.choosing import choose_rows

__all__ = ["choose_rows"]
