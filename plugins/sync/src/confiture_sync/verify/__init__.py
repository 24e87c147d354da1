"""Looks at the target after the run."""

from __future__ import annotations

from confiture_sync.verify.checking import verify

__all__ = ["verify"]
