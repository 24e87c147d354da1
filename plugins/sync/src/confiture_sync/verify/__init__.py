"""Looks at the target after the run."""

from __future__ import annotations

from confiture_sync.verify.checking import verify
from confiture_sync.verify.former import look_at_target

__all__ = ["look_at_target", "verify"]
