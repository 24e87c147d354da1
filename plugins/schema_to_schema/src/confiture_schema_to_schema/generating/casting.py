"""Which columns need a transform: those whose types the compiler of the map would refuse, or whose labels are gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture.quoting import quote_ident, quote_literal
from confiture_schema_to_schema.compiling.types import Casts, Type, fit, read_casts, read_types, types_there
from confiture_schema_to_schema.values import Column, Table

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Misfit", "Pair", "misfits"]


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


async def misfits(source: Connection, target: Connection, pairs: Sequence[Pair]) -> list[Misfit]:
    """Those that need a transform. Both connections read catalogs only."""
    open_ = [pair for pair in pairs if not pair.new.generated]
    given = await read_types(source, {pair.old.oid for pair in open_})
    wanted = await read_types(target, {pair.new.oid for pair in open_})
    there = await types_there(source, wanted.values())
    casts = await read_casts(source)
    found = []
    for pair in open_:
        old, new = given[pair.old.oid], wanted[pair.new.oid]
        misfit = _labels(pair) or _types(pair, old, new, there.get(new.root.sql), casts)
        if misfit is not None:
            found.append(misfit)
    return found


def _types(pair: Pair, given: Type, wanted: Type, there: Type | None, casts: Casts) -> Misfit | None:
    """None where the value goes in as it is, or PostgreSQL casts it on its own."""
    if fit(given, wanted, there, casts) is not None:
        return None
    column, type_ = quote_ident(pair.old.name), wanted.root.sql
    root = given.root
    if there is not None and (root.category == "S" or (root.oid, there.oid) in casts):
        why = f"{pair.old.type} becomes {pair.new.type} only where that is asked for"
        return Misfit(pair=pair, why=why, transform=f"CAST({column} AS {type_})")
    # What the old database has no type for is read from its text by the new one.
    text = f"CAST({column} AS text)"
    by_text = text if there is None else f"CAST({text} AS {type_})"
    return Misfit(pair=pair, why=f"there is no cast from {pair.old.type} to {pair.new.type}", transform=by_text)


def _labels(pair: Pair) -> Misfit | None:
    missing = [label for label in pair.old.labels if label not in pair.new.labels]
    if not missing or not pair.new.labels:
        return None
    column = quote_ident(pair.old.name)
    whens = " ".join(f"WHEN {quote_literal(label)} THEN ..." for label in missing)
    named = ", ".join(map(repr, missing))
    return Misfit(
        pair=pair,
        why=f"{pair.new.type} has no label {named} any more",
        transform=f"CASE CAST({column} AS text) {whens} ELSE CAST({column} AS text) END",
    )
