"""``constant``: the same value for every row."""

from __future__ import annotations

from typing import Any

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask
from confiture.quoting import quote_literal

__all__ = ["Constant"]


class Options(msgspec.Struct, frozen=True):
    """``value`` is a text, a number, a truth value; of a column of json, anything."""

    value: Any


class Constant:
    """``{constant: 0}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """The value's text, which the column's type reads."""
        value = rule.read(Options).value
        if value is None:
            raise rule.error("a constant has a value", hint="write null by itself for NULL")
        if isinstance(value, str):
            text = value
        elif isinstance(value, list | dict) and scope.column.type.name not in ("json", "jsonb"):
            raise rule.error(f"a {type(value).__name__} is no constant for {scope.column.type.shown}")
        else:
            text = msgspec.json.encode(value).decode()
        return Mask(expression=f"{quote_literal(text)}::text", max_length=len(text))
