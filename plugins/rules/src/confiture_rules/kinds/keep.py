"""``keep``: the column leaves as it is, for a reason."""

from __future__ import annotations

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask

__all__ = ["Keep"]


class Options(msgspec.Struct, frozen=True):
    """None: the reason is one of the keys that all rules have."""


class Keep:
    """``{keep: "the countries are public"}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """Without a reason, nobody could tell it from an oversight."""
        rule.read(Options)
        if not (rule.reason or "").strip():
            raise rule.error("a column that is kept needs a reason", hint='write {keep: "why it may leave as it is"}')
        return Mask(expression=scope.value, uniqueness="preserved")
