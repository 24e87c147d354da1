"""Which columns look personal, and whether somebody has looked at every column."""

from __future__ import annotations

from confiture_sync.detect.coverage import check_coverage
from confiture_sync.detect.judging import Personal, find_personal

__all__ = ["Personal", "check_coverage", "find_personal"]
