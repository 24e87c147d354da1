"""Foreign keys and triggers of the target that a batch must not meet, while changes are brought to it.

A row that is read again goes and comes back within one transaction: a key that deletes, empties or refuses what refers
to it would act on that. So these wait for the end of the transaction and do nothing else, until they are put back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from confiture.config.project import MigrationsConfig
from confiture.loading import (
    Part,
    Phase,
    PutBack,
    Record,
    Records,
    Thing,
    altering,
    failed,
    qualify,
    read_keys,
    read_parts,
    read_switches,
    take,
)
from confiture.quoting import quote_ident

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.values import Job

__all__ = ["confirm", "dangling_rows", "end_loosening", "loosen", "loosened_of", "tighten"]

_NAME: Final = "confiture_move_loosened"
_COMMENT: Final = (
    "What `confiture migrate schema-to-schema follow` has switched off on the tables that it brings changes to, and "
    "how to put it back: a cutover does that"
)
_RUN: Final = "follow"
#: A trigger of the tool's own keeps its state: it may be what tells of changes here, or keeps others from writing.
_OWN: Final = "confiture"
# Those that lead to the tables. What is not enforced is in nobody's way, and so is what a superuser has switched off.
_KEYS = """
SELECT k.conname::text AS name, n.nspname::text AS schema, c.relname::text AS table, c.relkind = 'p' AS partitioned,
       fn.nspname::text AS parent_schema, f.relname::text AS parent, k.confdeltype::text AS deletes,
       k.condeferrable AS deferrable, k.condeferred AS deferred, k.confmatchtype = 'f' AS full,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u(n, o)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.o) AS columns,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u(n, o)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY u.o) AS others
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class f ON f.oid = k.confrelid JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace
 WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = ANY($1::oid[])
   AND coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced')::boolean, true)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgconstraint = k.oid AND t.tgenabled <> 'O')
 ORDER BY n.nspname, c.relname, k.conname
"""
_UNCHECKED_PARTITIONED_SINCE: Final = 18


def loosened_of(ctx: Context) -> Records:
    """The records, in confiture's own schema of the side that changes are brought to."""
    return Records(ctx.settings("migrations", MigrationsConfig).schema, _NAME, _COMMENT)


async def loosen(ctx: Context, job: Job) -> None:
    """Once for a run; again is no error. Raises ``Busy`` for tables that others hold."""
    records, target = loosened_of(ctx), job.sides.target
    async with ctx.connect(target) as connection, altering(ctx, target, connection) as watched:
        if any(record.phase is Phase.RUN for record in await records.read(connection)):
            return
        parts = await read_parts(connection, [table.table.sql for table in job.tables])
        watched += [part.oid for part in parts]
        await qualify(connection)
        await records.create(connection)
        run = Record(phase=Phase.RUN, kind=_RUN, schema="", table="", name="", statements=())
        await records.add(connection, job.run_id, [run])
        switches = [
            thing for thing in await read_switches(connection, parts) if _OWN not in thing.records[0].name.lower()
        ]
        await take(connection, records, job.run_id, [*await _keys(connection, parts, job.left_behind), *switches])


async def _keys(connection: Connection, parts: Sequence[Part], left_behind: Sequence[str]) -> list[Thing]:
    things = {
        (thing.records[0].schema, thing.records[0].table, thing.records[0].name): thing
        for thing in await read_keys(connection, parts)
    }
    # What a table that stays as it is refers to, or is referred to by, may go or come without it.
    apart = {
        name: thing
        for name, thing in things.items()
        if {thing.records[0].label, thing.records[0].parent} & set(left_behind)
    }
    found = list(apart.values())
    version = connection.get_server_version()[0]
    for row in await connection.fetch(_KEYS, [part.oid for part in parts]):
        name = (row["schema"], row["table"], row["name"])
        thing = things.get(name)
        if name in apart:
            continue
        if row["deletes"] == "a":
            if not row["deferred"]:
                found.append(_altered(row))
        elif thing is not None:
            found.append(_replaced(row, thing, version))
    return found


def _altered(row: Any) -> Thing:
    alter = f"ALTER TABLE {_table(row['schema'], row['table'])} ALTER CONSTRAINT {quote_ident(row['name'])}"
    former = "DEFERRABLE INITIALLY IMMEDIATE" if row["deferrable"] else "NOT DEFERRABLE"
    record = Record(
        phase=Phase.KEY,
        kind="foreign key",
        schema=row["schema"],
        table=row["table"],
        name=row["name"],
        statements=(f"{alter} {former}",),
        parent=f"{row['parent_schema']}.{row['parent']}",
    )
    return Thing(off=f"{alter} DEFERRABLE INITIALLY DEFERRED", records=(record,))


def _replaced(row: Any, thing: Thing, version: int) -> Thing:
    table = _table(row["schema"], row["table"])
    unchecked = "" if row["partitioned"] and version < _UNCHECKED_PARTITIONED_SINCE else " NOT VALID"
    add = (
        f"ALTER TABLE {table} ADD CONSTRAINT {quote_ident(row['name'])} FOREIGN KEY ({_list(row['columns'])})"
        f" REFERENCES {_table(row['parent_schema'], row['parent'])} ({_list(row['others'])})"
        f"{' MATCH FULL' if row['full'] else ''} DEFERRABLE INITIALLY DEFERRED{unchecked}"
    )
    drop = f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {quote_ident(row['name'])}"
    first, *rest = thing.records
    first = msgspec.structs.replace(first, statements=(drop, *first.statements))
    return Thing(off=f"{thing.off}; {add}", records=(first, *rest))


def _table(schema: str, name: str) -> str:
    return f"{quote_ident(schema)}.{quote_ident(name)}"


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(quote_ident, names))


async def dangling_rows(ctx: Context, job: Job) -> list[tuple[Record, int]]:
    """Keys that were taken off between what ``job`` brings and what it leaves behind, and how many rows have no parent.

    Only those that some have.
    """
    left, found = set(job.left_behind), []
    if not left:
        return []
    async with ctx.connect(job.sides.target) as connection:
        for record in await loosened_of(ctx).read(connection):
            if record.phase is Phase.KEY and record.dangling is not None and {record.label, record.parent} & left:
                rows = await connection.fetchval(record.dangling)
                found += [(record, rows)] if rows else []
    return found


async def tighten(ctx: Context, target: Target) -> None:
    """Put all of it back, as it was; quick: foreign keys that were replaced are NOT VALID until :func:`confirm`.

    Raises ``ExecutionError`` naming what could not be put back, ``Busy`` for tables that others hold.
    """
    await _put_back(ctx, target, (Phase.KEY, Phase.SWITCH))


async def confirm(ctx: Context, target: Target) -> None:
    """After :func:`tighten`: check the rows for those keys, while others write."""
    await _put_back(ctx, target, (Phase.KEY, Phase.SWITCH, Phase.VALIDATE))
    async with ctx.connect(target) as connection:
        if await loosened_of(ctx).read(connection):
            await loosened_of(ctx).end(connection)


async def end_loosening(ctx: Context, target: Target) -> tuple[str, ...]:
    """For a side that nobody brings changes to any more: put back what can be, and say what cannot.

    Rows that came back may refer to rows that had no way back, in an old database that is left behind.
    """
    records = loosened_of(ctx)
    put = PutBack(ctx, target, records, 1)
    async with ctx.connect(target) as connection:
        known = await records.read(connection)
        await put.run(connection, known, (Phase.KEY, Phase.SWITCH, Phase.VALIDATE), "schema-to-schema.constraints")
        if known:
            await records.end(connection)
    return tuple(
        f"{each.record.kind} {each.record.name} of {each.record.label}, which is "
        f"{'not valid' if each.record.phase is Phase.VALIDATE else 'missing'}: {each.why}"
        for each in put.failures
    )


async def _put_back(ctx: Context, target: Target, phases: Sequence[Phase]) -> None:
    records = loosened_of(ctx)
    put = PutBack(ctx, target, records, 1)
    async with ctx.connect(target) as connection:
        await put.run(connection, await records.read(connection), phases, "schema-to-schema.constraints")
    if put.failures:
        raise failed(put.failures, target, hint="mend the rows that are in the way, then run it again")
