"""Which objects of one schema have another name in the other: pure, from values to statements."""

from __future__ import annotations

from confiture_catalog.renames.matching import match_names

__all__ = ["match_names"]
