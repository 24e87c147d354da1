"""Sequences go on where those of the old database are, or where the rows end.

One that belongs to no column, such as that of invoices' numbers, goes on where the one of its name is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, TypeAlias

from confiture.loading import altering, set_sequences
from confiture.quoting import quote_ident, quote_literal
from confiture.transfer import reading
from confiture_schema_to_schema.tracing import trace

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.values import Job

__all__ = ["carry_sequences", "set_all_sequences"]

_Place: TypeAlias = tuple[str, str, str]

#: So many values may sessions of the old database hold still, or be given until it is closed.
_MARGIN = 32

# A sequence that a column owns (serial, identity), or that the column's default uses.
_SEQUENCES = """
WITH used AS (
    SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid AS number FROM pg_catalog.pg_depend d
     WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
       AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    UNION
    SELECT d.refobjid, f.adrelid, f.adnum FROM pg_catalog.pg_depend d
      JOIN pg_catalog.pg_attrdef f ON f.oid = d.objid
     WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
       AND d.deptype = 'n'
)
SELECT n.nspname::text AS schema, c.relname::text AS table, a.attname::text AS column, sn.nspname::text AS in_schema,
       sc.relname::text AS name, s.seqincrement > 0 AS up, s.seqmin AS least, s.seqmax AS most,
       s.seqincrement AS step, s.seqcache AS cache
  FROM unnest($1::text[], $2::text[], $3::text[]) AS w("schema", "table", "column")
  JOIN pg_catalog.pg_namespace n ON n.nspname = w."schema"
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w."table"
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = w."column"
  JOIN used ON used.relation = c.oid AND used.number = a.attnum
  JOIN pg_catalog.pg_sequence s ON s.seqrelid = used.sequence
  JOIN pg_catalog.pg_class sc ON sc.oid = s.seqrelid JOIN pg_catalog.pg_namespace sn ON sn.oid = sc.relnamespace
 WHERE pg_catalog.has_sequence_privilege(s.seqrelid, $4)
"""
# One that no column owns: programs ask it themselves, or the default of a column does, or a function.
_ALONE = """
SELECT n.nspname::text AS in_schema, c.relname::text AS name, s.seqincrement > 0 AS up, s.seqmin AS least,
       s.seqmax AS most, s.seqincrement AS step, s.seqcache AS cache
  FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relpersistence <> 't' AND NOT pg_catalog.starts_with(n.nspname::text, 'pg_')
   AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_sequence_privilege(s.seqrelid, $1)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                      AND d.objid = s.seqrelid AND d.deptype IN ('a', 'i', 'e'))
 ORDER BY 1, 2
"""


async def set_all_sequences(ctx: Context, job: Job, connection: Connection) -> None:
    """Set those of all columns that were filled. ``connection`` is to the target.

    Each goes to the column's largest value; where the column is one of the old database that has a sequence too, on to
    where that one is: values that were given out and never stored, or deleted since, are not given out again.
    """
    columns = {(t.table.schema, t.table.name, column) for t in job.tables for column in t.columns}
    origins = _origins(job)
    olds = sorted({old for found in origins.values() for old in found})
    async with reading(ctx, job.sides.source) as source:
        values = await _values(source, await _sequences(source, olds, "SELECT"))
        alone = await _values_alone(source)
    async with altering(ctx, job.sides.target, connection):
        await set_sequences(connection, columns)
        new = await _sequences(connection, sorted(origins), "UPDATE")
        ahead = [
            _ahead(sequence, value, called=called)
            for place, sequence in new
            for old in origins[place]
            for up, value, called in values.get(old, ())
            if up == sequence["up"]
        ]
        done = {_name(sequence) for _, sequence in new}
        ahead += [_ahead(each, value, called=called) for each, value, called in await _same(connection, alone, done)]
        if ahead:
            await connection.execute("; ".join(ahead))


async def carry_sequences(ctx: Context, job: Job, connection: Connection) -> int:
    """As :func:`set_all_sequences`, for a cutover: quick, and beyond what the old database's sessions may hold.

    How many were set on by a value of the old database. Rows are looked at only for the others: there an index helps,
    or it takes the time of a scan.
    """
    origins = _origins(job)
    olds = sorted({old for found in origins.values() for old in found})
    async with reading(ctx, job.sides.source) as source:
        values = await _values(source, await _sequences(source, olds, "SELECT"))
        alone = await _values_alone(source)
    told = {place for place, found in origins.items() if all(old in values for old in found)}
    columns = {(t.table.schema, t.table.name, column) for t in job.tables for column in t.columns}
    async with altering(ctx, job.sides.target, connection):
        await set_sequences(connection, columns - told)
        new = await _sequences(connection, sorted(origins), "UPDATE")
        ahead = [
            _ahead(sequence, _beyond(sequence, value), called=called)
            for place, sequence in new
            for old in origins[place]
            for up, value, called in values.get(old, ())
            if up == sequence["up"]
        ]
        done = {_name(sequence) for _, sequence in new}
        ahead += [
            _ahead(each, _beyond(each, value), called=called)
            for each, value, called in await _same(connection, alone, done)
        ]
        if ahead:
            await connection.execute("; ".join(ahead))
    return len(ahead)


def _beyond(sequence: Any, value: int) -> int:
    """Further by a margin, where the sequence has so many values left."""
    beyond: int = value + sequence["step"] * max(_MARGIN, sequence["cache"])
    return beyond if sequence["least"] <= beyond <= sequence["most"] else value


def _origins(job: Job) -> dict[_Place, list[_Place]]:
    """By a column of the new database those of the old one that it is, in each of its parts."""
    found: dict[_Place, list[_Place]] = {}
    for table in job.tables:
        for part in table.parts:
            old = job.old.tables.get(part.source)
            if old is None:
                continue
            for column, traced in trace(part).columns.items():
                place = (table.table.schema, table.table.name, column)
                found.setdefault(place, []).append((old.schema, old.name, traced.column))
    return found


async def _sequences(connection: Connection, places: Sequence[_Place], privilege: str) -> list[tuple[_Place, Any]]:
    schemas, tables, columns = ([place[i] for place in places] for i in range(3))
    rows = await connection.fetch(_SEQUENCES, schemas, tables, columns, privilege)
    return [((row["schema"], row["table"], row["column"]), row) for row in rows]


async def _values(
    source: Connection, sequences: Sequence[tuple[_Place, Any]]
) -> Mapping[_Place, list[tuple[bool, int, bool]]]:
    """Whether they count up, where they are, and whether that was given out."""
    if not sequences:
        return {}
    rows = await source.fetch(
        " UNION ALL ".join(
            f"SELECT {number} AS number, last_value, is_called FROM {_name(sequence)}"
            for number, (_, sequence) in enumerate(sequences)
        )
    )
    found: dict[_Place, list[tuple[bool, int, bool]]] = {}
    for row in rows:
        place, sequence = sequences[row["number"]]
        found.setdefault(place, []).append((sequence["up"], row["last_value"], row["is_called"]))
    return found


async def _values_alone(source: Connection) -> Mapping[str, tuple[bool, int, bool]]:
    """The same of those that no column owns, by their names in SQL."""
    sequences = await source.fetch(_ALONE, "SELECT")
    places = [(("", "", _name(sequence)), sequence) for sequence in sequences]
    return {name: found[0] for (_, _, name), found in (await _values(source, places)).items()}


async def _same(
    connection: Connection, values: Mapping[str, tuple[bool, int, bool]], done: AbstractSet[str]
) -> list[tuple[Any, int, bool]]:
    """Those of the target that have the same name and no column either, without ``done``; where the others are."""
    found = []
    for sequence in await connection.fetch(_ALONE, "UPDATE") if values else ():
        up, value, called = values.get(_name(sequence), (None, 0, False))
        if up == sequence["up"] and _name(sequence) not in done:
            found.append((sequence, value, called))
    return found


def _ahead(sequence: Any, value: int, *, called: bool) -> str:
    """Set it to ``value``, where it is not there or further yet."""
    value = min(max(value, sequence["least"]), sequence["most"])
    further = ">" if sequence["up"] else "<"
    return (
        f"SELECT pg_catalog.setval({quote_literal(_name(sequence))}::pg_catalog.regclass, {value}, {called}) "
        f"FROM {_name(sequence)} AS s WHERE {value} {further} s.last_value "
        f"OR {value} = s.last_value AND {called} AND NOT s.is_called"
    )


def _name(sequence: Any) -> str:
    return f"{quote_ident(sequence['in_schema'])}.{quote_ident(sequence['name'])}"
