"""``partial``: the ends of a text, with its middle covered."""

from __future__ import annotations

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask
from confiture_rules.pieces import covered_sql

__all__ = ["Partial"]


class Options(msgspec.Struct, frozen=True):
    """``first`` and ``last`` characters are kept, the others become ``with``."""

    first: int = 0
    last: int = 0
    cover: str = msgspec.field(default="*", name="with")


class Partial:
    """``{partial: {first: 2, last: 4}}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """A text that has no more than what would be kept is covered whole."""
        options = rule.read(Options)
        if min(options.first, options.last) < 0 or len(options.cover) != 1:
            raise rule.error("'first' and 'last' count characters, and 'with' is one")
        if not scope.column.type.is_text:
            raise rule.error(f"{scope.column.type.shown} has no characters", hint="take generalize, noise or constant")
        sql = covered_sql(scope.text, options.cover, options.first, options.last)
        return Mask(expression=sql, max_length=scope.column.type.length)
