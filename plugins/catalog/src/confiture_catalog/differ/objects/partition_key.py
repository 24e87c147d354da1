"""Which columns a table is partitioned by: nothing changes their types."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from confiture.sql.grammar import parse, unwrap

__all__ = ["key_columns"]


@lru_cache(maxsize=256)
def key_columns(partition_key: str) -> frozenset[str]:
    """The bare names of the columns of a key as pg_get_partkeydef prints it, also of those in its expressions."""
    table: Any = unwrap(parse(f"CREATE TABLE t () PARTITION BY {partition_key}").stmts[0].stmt)
    names: set[str] = set()
    for each in table.partspec.part_params:
        element = each.partition_elem
        names.update([element.name] if element.name else _columns(element.expr))
    return frozenset(names)


def _columns(message: Any) -> Iterator[str]:
    if message.DESCRIPTOR.name == "ColumnRef":
        yield message.fields[-1].string.sval
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in value if field.is_repeated else (value,):
                yield from _columns(each)
