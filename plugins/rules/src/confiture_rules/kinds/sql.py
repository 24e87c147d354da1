"""``sql``: an expression of one's own, over the raw row."""

from __future__ import annotations

import msgspec

from confiture.masking import Rule, Scope
from confiture.masking.expressions import columns_of
from confiture.model import Mask

__all__ = ["Sql"]


class Options(msgspec.Struct, frozen=True):
    """``value`` is the expression."""

    value: str


class Sql:
    """``{sql: "left(name, 1) || '.'"}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """One expression, parsed as the server will; the columns that it reads are noted."""
        text = rule.read(Options).value
        for name in columns_of(text, rule, scope.table):
            scope.raw(name)
        return Mask(expression=f"{text}\n", nullable=False)
