"""``enum``: one of the labels of the column's type."""

from __future__ import annotations

import math

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask
from confiture_rules.pieces import pick_sql

__all__ = ["Enum"]


class Options(msgspec.Struct, frozen=True):
    """``but``: labels that are not taken."""

    but: list[str] = []


class Enum:
    """``{enum: }``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """By the row, whatever the value was."""
        options, type_ = rule.read(Options), scope.column.type
        if not type_.labels:
            raise rule.error(f"{type_.shown} is no enumeration", hint="take choice")
        if unknown := [label for label in options.but if label not in type_.labels]:
            raise rule.error(f"{type_.shown} has no {unknown[0]!r}", hint=f"it has: {', '.join(type_.labels)}")
        labels = [label for label in type_.labels if label not in options.but]
        if not labels:
            raise rule.error("there is nothing to choose from")
        sql = pick_sql(labels, scope.number(per="row", draw="enum"))
        return Mask(expression=sql, max_length=max(map(len, labels)), bits=math.log2(len(labels)))
