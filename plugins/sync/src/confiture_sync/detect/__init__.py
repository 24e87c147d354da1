"""Which columns look personal, and whether somebody has looked at every column."""

from __future__ import annotations

from confiture_sync.detect.coverage import check_coverage

__all__ = ["check_coverage"]
