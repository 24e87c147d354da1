"""``shuffle``: the column's values change places: it hides whose a value is, not the value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from confiture.masking import Rule, Scope, canonical, canonical_sql
from confiture.model import Mask
from confiture.quoting import quote_ident

__all__ = ["Shuffle", "shuffled"]


class Options(msgspec.Struct, frozen=True):
    """None."""


V = TypeVar("V")


def shuffled(values: Mapping[tuple[Any, ...], V], keyed: Callable[[str], bytes]) -> dict[tuple[Any, ...], V]:
    """By primary key, what each row gets; ``values`` are in the keys' order, without NULL. ``keyed`` has the draw."""

    def drawn(place: int) -> tuple[bytes, int]:
        return keyed(":".join(canonical(part) for part in keys[place])), place

    keys = list(values)
    return {key: values[keys[place]] for key, place in zip(keys, sorted(range(len(keys)), key=drawn), strict=True)}


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
