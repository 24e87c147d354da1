"""Which values a column of the new database would not take: PostgreSQL's own answer, of statements that never run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from confiture.quoting import quote_ident, quote_literal
from confiture_schema_to_schema.values import Column, Table

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Misfit", "Pair", "misfits"]

#: undefined_object, undefined_schema (3F000): the type is not there at all.
_UNKNOWN = frozenset({"42704", "3F000"})


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the old table, and the one of the new table that it goes to."""

    source: Table
    old: Column
    target: Table
    new: Column


class Misfit(msgspec.Struct, frozen=True, kw_only=True):
    """``why`` as a sentence, ``transform``: SQL that might do, for somebody to look at."""

    pair: Pair
    why: str
    transform: str


async def misfits(connection: Connection, pairs: Sequence[Pair]) -> list[Misfit]:
    """Those that need a transform. ``connection`` is to the new schema, and in no transaction: statements fail."""
    found = []
    for pair in pairs:
        if pair.new.generated:
            continue
        misfit = _labels(pair) if pair.old.kind == pair.new.kind == "e" else await _types(connection, pair)
        if misfit is not None:
            found.append(misfit)
    return found


async def _types(connection: Connection, pair: Pair) -> Misfit | None:
    """None where PostgreSQL would cast on its own when the row is written."""
    old, new = pair.old, pair.new
    if old.type == new.type:
        return None
    column, value = quote_ident(old.name), f"CAST(NULL AS {old.base})"
    into = f"INSERT INTO {pair.target.sql} ({quote_ident(new.name)}) OVERRIDING SYSTEM VALUE SELECT"
    if await _refused(connection, f"{into} {value}") is None:
        return None
    explicit = await _refused(connection, f"SELECT CAST({value} AS {new.base})")
    if explicit is None:
        by_cast = f"CAST({column} AS {new.base})"
        return Misfit(pair=pair, why=f"{old.type} becomes {new.type} only where that is asked for", transform=by_cast)
    if explicit in _UNKNOWN and await _refused(connection, f"{into} CAST(NULL AS text)") is None:
        return None  # its text is read anew
    by_text = f"CAST(CAST({column} AS text) AS {new.base})"
    return Misfit(pair=pair, why=f"there is no cast from {old.type} to {new.type}", transform=by_text)


async def _refused(connection: Connection, sql: str) -> str | None:
    """The SQLSTATE that PostgreSQL answers a statement with, which it is only to analyse."""
    try:
        await connection.prepare(sql)
    except asyncpg.PostgresError as error:
        if error.sqlstate[:2] in ("08", "57"):
            raise
        return str(error.sqlstate)
    return None


def _labels(pair: Pair) -> Misfit | None:
    missing = [label for label in pair.old.labels if label not in pair.new.labels]
    if not missing:
        return None
    column = quote_ident(pair.old.name)
    whens = " ".join(f"WHEN {quote_literal(label)} THEN ..." for label in missing)
    named = ", ".join(map(repr, missing))
    return Misfit(
        pair=pair,
        why=f"{pair.new.type} has no label {named} any more",
        transform=f"CASE CAST({column} AS text) {whens} ELSE CAST({column} AS text) END",
    )
