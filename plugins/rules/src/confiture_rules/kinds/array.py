"""``array``: each element after a rule of its own."""

from __future__ import annotations

from typing import Any

import msgspec

from confiture.masking import Rule, Scope, read_rule
from confiture.model import Mask

__all__ = ["Array"]


class Options(msgspec.Struct, frozen=True):
    """``each`` is a rule, in any of the ways in which one is written."""

    each: Any


class Array:
    """``{array: {each: {hash: {}}}}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """The order stays; NULL is no empty array. Of several dimensions, one is left."""
        element = scope.column.type.element
        each = rule.read(Options).each
        if element is None:
            raise rule.error(f"{scope.column.type.shown} is no array")
        inner = read_rule(each, file=rule.file, line=rule.line, path=f"{rule.path}.each")
        mask = scope.compile(inner, "confiture_item.confiture_e", element)
        items = f"unnest({scope.value}) WITH ORDINALITY AS confiture_item(confiture_e, confiture_o)"
        # Without CASE, NULL would become {}: see on_null, which is decided before.
        sql = f"ARRAY(SELECT {mask.expression} FROM {items} ORDER BY confiture_item.confiture_o)"
        return Mask(expression=f"CASE WHEN {scope.value} IS NULL THEN NULL ELSE {sql} END")
