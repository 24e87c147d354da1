"""``shuffle``: the column's values change places: it hides whose a value is, not the value."""

from __future__ import annotations

import msgspec

from confiture.masking import Rule, Scope, canonical_sql
from confiture.model import Mask
from confiture.quoting import quote_ident

__all__ = ["Shuffle"]


class Options(msgspec.Struct, frozen=True):
    """None."""


class Shuffle:
    """``{shuffle: }``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """Values that are not NULL, in the order of the keys, meet them in the order of the keys' hashes."""
        rule.read(Options)
        table = scope.table
        alias = quote_ident(table.name)
        keys = [f"{alias}.{quote_ident(name)}" for name in table.primary_key]
        texts = [
            canonical_sql(key, column.type)
            for key, name in zip(keys, table.primary_key, strict=True)
            if (column := table.column(name)) is not None
        ]
        whole = " || ':' || ".join(texts) or "''"
        source = f"{'ONLY ' if table.only else ''}{table.sql} AS {alias} WHERE {scope.value} IS NOT NULL"
        order = ", ".join(keys)
        drawn = scope.keyed(whole, draw="shuffle")
        places = f"SELECT {order}, row_number() OVER (ORDER BY {order}) AS confiture_n FROM {source}"
        values = (
            f"SELECT {scope.value} AS confiture_value, row_number() OVER (ORDER BY {drawn}, {order}) AS confiture_n "
            f"FROM {source}"
        )
        names = ", ".join(
            f"places.{quote_ident(name)} AS confiture_key_{number}" for number, name in enumerate(table.primary_key)
        )
        joined = scope.join(
            f"SELECT {names}, drawn.confiture_value "
            f"FROM ({places}) AS places JOIN ({values}) AS drawn USING (confiture_n)"
        )
        return Mask(expression=f"{joined}.confiture_value", uniqueness="preserved", max_length=scope.column.type.length)
