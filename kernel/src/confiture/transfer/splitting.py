"""Cuts a big table into chunks that several sessions copy at once, or that a later run can go on with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import msgspec

from confiture.errors import Refused
from confiture.quoting import quote_ident
from confiture.transfer.sessions import set_local

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["LOW", "UPPER", "Chunk", "split_by_key", "split_by_place"]

#: The settings that hold a chunk's bounds: a JSON array of the key's values as texts.
LOW: Final = "confiture.chunk_low"
UPPER: Final = "confiture.chunk_upper"
#: Rows that the bounds of key ranges are taken from: enough that chunks differ by some percent only.
_SAMPLE_ROWS = 50_000
#: The name of a table in a query that has no other one.
_WITHIN = "cut"
#: What a row is taken to have where there are no statistics.
_ROW_BYTES = 200

_RELATIONS = """
WITH RECURSIVE tree AS (
    SELECT pg_catalog.to_regclass($1)::oid AS oid
    UNION ALL
    SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid AND c.relkind = 'p'
      JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
)
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS identity, c.relkind::text AS kind,
       greatest(c.reltuples, 0)::bigint AS rows,
       CASE WHEN c.relkind IN ('r', 'm', 'p') THEN pg_catalog.pg_relation_size(c.oid) ELSE 0 END AS bytes,
       CASE WHEN c.reltoastrelid <> 0 THEN pg_catalog.pg_relation_size(c.reltoastrelid) ELSE 0 END AS toast,
       pg_catalog.pg_relation_filenode(c.oid)::bigint AS filenode,
       pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable,
       pg_catalog.current_setting('block_size')::bigint AS page
  FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 ORDER BY 1
"""
_COLUMNS = """
SELECT a.attname::text AS name, a.attnotnull AS not_null, pg_catalog.format('%I.%I', n.nspname, t.typname) AS type
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
 WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attname = ANY($2::text[]) AND NOT a.attisdropped
"""


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a table: the rows of ``relation`` for which ``condition`` holds. Each row is in exactly one chunk.

    ``relation`` is SQL text for FROM: ``ONLY public.users``, or a partition. ``settings`` go into
    ``TransferTask.settings``: the bounds of key ranges, since values are not to be in a statement's text.
    ``estimated_rows`` is from the server's statistics; 0 where they say nothing. ``filenode`` is the relation's file,
    of ranges of places: they hold as long as it is the same; None for a relation without one.
    """

    relation: str
    condition: str = "true"
    settings: Mapping[str, str] = {}
    estimated_rows: int = 0
    filenode: int | None = None


async def split_by_place(connection: Connection, table: str, *, chunk_bytes: int, alias: str = "") -> tuple[Chunk, ...]:
    """Chunks of about ``chunk_bytes`` by where the rows are (ranges of ``ctid``): cheap, and for any table.

    ``table`` is SQL text. A partitioned table gives the chunks of its partitions; what inherits from a table is none
    of its. The chunks hold for one snapshot, which ``connection`` must have: a later one finds rows elsewhere.

    ``alias`` is the name that the relation will go by in the query, as SQL: within a join, a place is not found by its
    bare name.

    A role that may read a partitioned table need not be allowed to read each of its partitions, nor one that may read
    some columns their places: then the table is one chunk.

    Raises ``Refused`` where there is no such table.
    """
    relations = await connection.fetch(_RELATIONS, table)
    if not relations:
        raise Refused(f"there is no table {table!r} to split", hint="write it qualified, and quoted where needed")
    if not all(row["readable"] for row in relations):
        root = next((row for row in relations if row["kind"] == "p"), None)
        relation = table if root is not None else f"ONLY {relations[0]['identity']}"
        return (Chunk(relation=relation, estimated_rows=sum(row["rows"] for row in relations if row is not root)),)
    chunks: list[Chunk] = []
    for row in relations:
        if row["kind"] == "p":
            continue
        if row["kind"] not in ("r", "m"):  # a foreign table or a view: its rows have no place
            chunks.append(Chunk(relation=row["identity"], estimated_rows=row["rows"]))
            continue
        pages = -(-row["bytes"] // row["page"])
        # Values that are kept apart count: a page may be the place of megabytes.
        step = max(chunk_bytes * pages // max(row["bytes"] + row["toast"], 1), 1)
        # The last range has no end: a page that was added since is read as well, and its rows are told by the snapshot.
        starts = range(0, max(pages, 1), step)
        place = f"{alias}.ctid" if alias else "ctid"
        conditions = [_pages(place, start, start + step if start + step < pages else None) for start in starts]
        chunks += [
            Chunk(
                relation=f"ONLY {row['identity']}",
                condition=each,
                estimated_rows=row["rows"] // len(conditions),
                filenode=row["filenode"],
            )
            for each in conditions
        ]
    return tuple(chunks)


def _pages(place: str, start: int, end: int | None) -> str:
    low = f"{place} >= '({start},0)'::pg_catalog.tid" if start else ""
    upper = f"{place} < '({end},0)'::pg_catalog.tid" if end is not None else ""
    return " AND ".join(filter(None, (low, upper))) or "true"


async def split_by_key(
    connection: Connection,
    table: str,
    key: Sequence[str],
    *,
    chunks: int,
    only: bool = False,
    alias: str = "",
    within: Chunk | None = None,
) -> tuple[Chunk, ...]:
    """At most ``chunks`` ranges of ``key``, the bare names of columns that have an index in that order.

    They hold for every later snapshot too, so that a run which was cut can go on. The bounds come from a sample of
    the rows. ``only``: without what inherits from the table. ``alias`` is the name that the relation will go by in the
    query, as SQL: within a join, the bare name of a column may be another table's too.

    ``within`` is one of the chunks that this gave for the same table, key and alias, and is cut itself: what is given
    takes its place.

    Read the table with ``connection`` prepared by :func:`confiture.transfer.reading`: a value's text must be the same
    for who splits and who copies.

    Raises ``Refused`` where the table or one of the columns is not there.
    """
    relations = await connection.fetch(_RELATIONS, table)
    columns = {row["name"]: row for row in await connection.fetch(_COLUMNS, table, list(key))}
    if missing := [name for name in key if name not in columns]:
        raise Refused(f"there is no column {missing[0]!r} of a table {table!r} to split by")
    # A table that nobody has analyzed has no rows by the statistics, and may be big all the same.
    rows = sum(max(row["rows"], row["bytes"] // _ROW_BYTES) for row in relations if row["kind"] != "p")
    relation = f"ONLY {table}" if only else table
    names = ", ".join(quote_ident(name) for name in key)
    lowest, highest = (None, None) if within is None else (within.settings.get(LOW), within.settings.get(UPPER))
    if within is None:
        bounds = await _bounds(connection, f"{relation}{_sample(relations, rows)}", names, key, chunks)
    else:
        rows = within.estimated_rows
        await set_local(connection, within.settings)
        bounds = await _bounds(connection, f"{relation} AS {alias or _WITHIN}", names, key, chunks, within.condition)
    parts = [lowest, *bounds, highest]
    made = len(parts) - 1
    qualified = {name: f"{alias}.{quote_ident(name)}" if alias else quote_ident(name) for name in key}
    row_of = f"({', '.join(qualified.values())})" if len(key) > 1 else qualified[key[0]]
    nullable = [qualified[name] for name in key if not columns[name]["not_null"]]
    found = []
    for low, upper in pairwise(parts):
        conditions, settings = [], {}
        if low is not None:
            conditions.append(f"{row_of} >= {_bound(LOW, key, columns)}")
            # (2, NULL) < (3, 1) is true: without this the row would be in its range and in the first chunk.
            conditions += [f"{name} IS NOT NULL" for name in nullable if len(key) > 1]
            settings[LOW] = low
        if upper is not None:
            below = f"{row_of} < {_bound(UPPER, key, columns)}"
            # A row whose key is NULL, or has one, goes with the first chunk.
            nulls = [f"{name} IS NULL" for name in nullable]
            conditions.append(f"({' OR '.join([below, *nulls])})" if low is None and nulls else below)
            settings[UPPER] = upper
        found.append(
            Chunk(
                relation=relation,
                condition=" AND ".join(conditions) or "true",
                settings=settings,
                estimated_rows=rows // made,
            )
        )
    return tuple(found)


def _bound(setting: str, key: Sequence[str], columns: Mapping[str, Any]) -> str:
    """The bound as SQL: cast to each column's own type, so that an index on the key serves."""
    value = f"pg_catalog.current_setting('{setting}')::pg_catalog.jsonb"
    casts = [f"({value} ->> {number})::{columns[name]['type']}" for number, name in enumerate(key)]
    return f"({', '.join(casts)})" if len(casts) > 1 else casts[0]


def _sample(relations: Sequence[Any], rows: int) -> str:
    if rows <= _SAMPLE_ROWS or not all(row["kind"] in ("r", "m", "p") for row in relations):
        return ""
    return f" TABLESAMPLE SYSTEM ({max(100.0 * _SAMPLE_ROWS / rows, 0.001):.6f}) REPEATABLE (1)"


async def _bounds(
    connection: Connection, relation: str, names: str, key: Sequence[str], chunks: int, condition: str = "true"
) -> list[str]:
    """The lower bounds of all chunks but the first, each a JSON array of texts."""
    if chunks < 2:
        return []
    texts = ", ".join(f"{quote_ident(name)}::pg_catalog.text" for name in key)
    not_null = " AND ".join(f"{quote_ident(name)} IS NOT NULL" for name in key)
    query = f"""
        SELECT pg_catalog.jsonb_build_array({texts})::pg_catalog.text AS bound
          FROM (SELECT DISTINCT ON ({names}) * FROM (
                    SELECT DISTINCT ON (tile) * FROM (
                        SELECT {names}, pg_catalog.ntile({chunks}) OVER (ORDER BY {names}) AS tile
                          FROM {relation} WHERE ({condition}) AND {not_null}) AS tiled
                     ORDER BY tile, {names}) AS firsts
                 WHERE tile > 1 ORDER BY {names}) AS bounds
         ORDER BY {names}
    """
    return [row["bound"] for row in await connection.fetch(query)]
