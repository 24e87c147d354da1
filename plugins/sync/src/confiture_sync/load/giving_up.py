"""Gives a run up: tables that it did not complete are emptied, and everything is put back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from confiture.loading import Failure, Phase, PutBack, Record, Records, altering, read_parts, take_keys
from confiture_sync.copying.state import state_of
from confiture_sync.load.taking import is_upsert

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["MEND", "GivenUp", "give_up"]

#: What to do where not everything could be put back.
MEND = "the rest is back. Mend the rows that are named, then `confiture sync abandon` tries these again"

_STEP = "sync.abandon"
_LIVE_KEYS = """
SELECT n.nspname || '.' || c.relname AS child, pn.nspname || '.' || p.relname AS parent
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_class p ON p.oid = k.confrelid
  JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace WHERE k.contype = 'f'
"""


class GivenUp:
    """What was done. ``emptied`` are labels of tables, ``failures`` what could not be put back."""

    def __init__(self, run: str, emptied: Sequence[str], objects: int, failures: Sequence[Failure]) -> None:
        self.run = run
        self.emptied = tuple(emptied)
        self.objects = objects
        self.failures = tuple(failures)


async def give_up(
    ctx: Context, target: Target, records: Records, jobs: int, *, broken: Collection[str] = ()
) -> GivenUp | None:
    """End the unfinished run of ``target``; None where there is none. Rows that were replaced (upsert) stay.

    Tables are emptied too that hold rows whose parents go away. ``broken`` are labels of tables that count as not
    complete.
    """
    state = state_of(ctx)
    async with ctx.connect(target) as connection:
        known = await records.read(connection)
        unfinished = await state.unfinished(connection)
        if not known and unfinished is None:
            return None
        run = known[0].run if known else unfinished.run_id if unfinished is not None else ""
        tables = {} if is_upsert(known) else {record.label: record for record in known if record.kind == "table"}
        ended = any(each.run_id == run for each in await state.finished(connection))
        complete = frozenset(tables) if ended else await state.complete_tables(connection, run)
        empty = await _closure(connection, known, tables, (tables.keys() - complete) | (tables.keys() & set(broken)))
        if empty:
            await _empty(ctx, target, connection, records, run, [tables[label] for label in empty])
            known = await records.read(connection)
        things = [record for record in known if record.phase is not Phase.RUN]
        put = PutBack(ctx, target, records, jobs)
        await put.run(connection, things, tuple(Phase)[1:], _STEP)
        if not put.failures:
            async with altering(ctx, target, connection):
                if known:
                    await records.end(connection)
                if not ended:
                    await state.forget(connection, run)
        return GivenUp(run, empty, len({(each.kind, each.label, each.name) for each in things}), put.failures)


async def _closure(
    connection: Connection, known: Sequence[Record], tables: Collection[str], empty: Iterable[str]
) -> list[str]:
    """``empty``, and those of ``tables`` that lead to them."""
    edges = {(record.label, record.parent) for record in known if record.parent is not None}
    edges |= {(row["child"], row["parent"]) for row in await connection.fetch(_LIVE_KEYS)}
    found, waiting = set(empty), list(empty)
    while waiting:
        parent = waiting.pop()
        for child, other in edges:
            if other == parent and child in tables and child not in found:
                found.add(child)
                waiting.append(child)
    return sorted(found)


async def _empty(
    ctx: Context, target: Target, connection: Connection, records: Records, run: str, tables: Sequence[Record]
) -> None:
    """One TRUNCATE, for which no foreign key may lead to them from others: those that are back are taken off again."""
    async with altering(ctx, target, connection) as watched:
        names = {record.statements[0]: record.statements[0].removeprefix("ONLY ") for record in tables}
        parts = await read_parts(connection, list(names.values()))
        watched += [part.oid for part in parts]
        there = {part.only for part in parts if part.oid == part.root}
        if there:
            await take_keys(connection, records, run, [part.sql for part in parts if part.oid == part.root])
            await connection.execute(f"TRUNCATE {', '.join(sorted(there))}")
