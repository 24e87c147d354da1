"""``null``: NULL for every row."""

from __future__ import annotations

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask

__all__ = ["Null"]


class Options(msgspec.Struct, frozen=True):
    """None."""


class Null:
    """``null``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """NULLs do not meet in a unique index: nothing is lost to it."""
        rule.read(Options)
        return Mask(expression="NULL", nullable=True, max_length=0, uniqueness="preserved")
