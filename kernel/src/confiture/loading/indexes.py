"""Indexes, unique constraints and primary keys: dropped before the rows come, built when they are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from confiture.loading.parts import Part, Thing
from confiture.loading.records import PRIMARY, Phase, Record
from confiture.quoting import quote_ident, quote_literal

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["read_indexes"]

# What stays: exclusion constraints (to build one looks for conflicts row by row all the same), what
# identifies rows for replication, what is broken, what belongs to an extension, and whatever something else depends on:
# foreign keys that use it, ON CONFLICT ON CONSTRAINT in rules and functions. The options of a
# constraint's index on a partitioned table are not in its definition.
# to_jsonb: conperiod is there since 18; a statistics target that was not set is NULL since 17, and -1 before.
_INDEXES = """
SELECT i.indexrelid AS oid, i.indrelid AS relation, ic.relname::text AS name, ic.relkind = 'I' AS partitioned,
       ic.relispartition AS attached, h.inhparent AS parent, pg_catalog.pg_get_indexdef(i.indexrelid) AS definition,
       i.indisprimary AS primary, i.indisclustered AS clustered,
       pg_catalog.obj_description(i.indexrelid, 'pg_class') AS comment, coalesce(s.spcname::text, '') AS tablespace,
       k.conname::text AS constraint, pg_catalog.pg_get_constraintdef(k.oid) AS constraint_definition,
       k.condeferrable AS deferrable, k.condeferred AS deferred,
       pg_catalog.obj_description(k.oid, 'pg_constraint') AS constraint_comment,
       ARRAY(SELECT a.attnum::int FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = i.indexrelid AND coalesce(a.attstattarget, -1) >= 0 ORDER BY a.attnum) AS columns,
       ARRAY(SELECT a.attstattarget::int FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = i.indexrelid AND coalesce(a.attstattarget, -1) >= 0 ORDER BY a.attnum) AS targets,
       ($2 OR NOT i.indisprimary) AND NOT i.indisexclusion AND NOT i.indisreplident AND i.indisvalid AND i.indisready
       AND (k.oid IS NULL OR k.contype IN ('p', 'u')
            AND NOT coalesce(pg_catalog.to_jsonb(k) ->> 'conperiod', 'false')::bool
            AND CASE WHEN ic.relkind = 'i' AND NOT ic.relispartition THEN k.conparentid = 0
                     ELSE $2 AND (ic.relkind = 'i' OR ic.reloptions IS NULL) END)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
             WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = i.indexrelid
               AND NOT (d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('P', 'S')))
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
             WHERE d.refclassid = 'pg_catalog.pg_constraint'::regclass AND d.refobjid = k.oid
               AND d.deptype NOT IN ('i', 'P', 'S'))
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
             WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid AND d.deptype IN ('e', 'x'))
       AS free
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
  LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = ic.reltablespace
  LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
  LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = i.indexrelid
 WHERE i.indrelid = ANY($1::oid[]) ORDER BY ic.relname, i.indexrelid
"""


async def read_indexes(
    connection: Connection, parts: Sequence[Part], bytes_of: Mapping[int, int], *, primary: bool = False
) -> list[Thing]:
    """What drops and builds those of ``parts``, which are whole tables with all their partitions.

    These are indexes of every method, unique and partial ones and those of expressions too, indexes of partitioned
    tables with those of their partitions, and unique constraints of other tables; with ``primary`` primary keys as
    well, whose columns stay NOT NULL, and both kinds of constraints of partitioned tables.

    What stays: exclusion constraints and those WITHOUT OVERLAPS, a partitioned table's constraint that has storage
    parameters, what identifies rows for replication (REPLICA IDENTITY USING INDEX), what is not valid, what belongs to
    an extension, and what something else depends on, such as a view, or a foreign key: take these off before
    (:func:`take_keys`), where the keys that they lead to are to be found.

    ``bytes_of`` says by a table's OID how much it will hold. The session's search_path must be empty
    (:func:`qualify`).
    """
    by_oid = {part.oid: part for part in parts}
    rows = await connection.fetch(_INDEXES, list(by_oid), primary)
    below: dict[int, list[Any]] = {}
    for row in rows:
        below.setdefault(row["parent"], []).append(row)
    found = []
    for row in rows:
        part = by_oid[row["relation"]]
        size = bytes_of.get(part.root, 0)
        if row["attached"]:
            continue
        if not row["partitioned"]:
            if row["free"]:
                found.append(_plain(row, part, size))
        else:
            tree = _tree(row, below)
            alike = len({each["constraint"] is None for each in tree}) == 1
            if alike and all(each["free"] for each in tree):
                found.append(_partitioned(row, tree, by_oid, size))
    return found


def _tree(row: Any, below: Mapping[int, Sequence[Any]]) -> list[Any]:
    """The index and those of the partitions, the lowest first."""
    return [*(each for child in below.get(row["oid"], ()) for each in _tree(child, below)), row]


def _plain(row: Any, part: Part, size: int) -> Thing:
    build, after = _build(row, part), list[str]()
    # No other index of the table is being built yet, as it may be when a unique constraint's is there.
    (build if row["primary"] else after).extend(_constrain(row, part))
    after += _cluster(row, part)
    records = [_record(Phase.INDEX, row, part, build, size)]
    if after:
        records.append(_record(Phase.ATTACH, row, part, after, size))
    return Thing(off=_off(row, part), records=tuple(records))


def _partitioned(row: Any, tree: Sequence[Any], parts: Mapping[int, Part], size: int) -> Thing:
    """As pg_dump has it: each partition's by itself, then the table's ON ONLY, which the others are attached to."""
    records, after = [], list[str]()
    for each in tree:
        part = parts[each["relation"]]
        if not each["partitioned"]:
            build = _build(each, part)
            (build if each["primary"] else after).extend(_constrain(each, part))
            records.append(_record(Phase.INDEX, each, part, build, size // len(tree)))
            after += _cluster(each, part)
            continue
        after += _build(each, part)
        after += [
            f"ALTER INDEX {_name(part, each)} ATTACH PARTITION {_name(parts[child['relation']], child)}"
            for child in tree
            if child["parent"] == each["oid"]
        ]
    part = parts[row["relation"]]
    records.append(_record(Phase.ATTACH, row, part, after, size))
    return Thing(off=_off(row, part), records=tuple(records))


def _off(row: Any, part: Part) -> str:
    if row["constraint"] is None:
        return f"DROP INDEX {_name(part, row)}"
    return f"ALTER TABLE {part.sql} DROP CONSTRAINT {quote_ident(row['constraint'])}"


def _build(row: Any, part: Part) -> list[str]:
    """Of a partitioned table's constraint, which cannot be made of an index, both."""
    name, whole, make = _name(part, row), row["partitioned"] and row["constraint"] is not None, row["definition"]
    if whole:
        constraint = quote_ident(row["constraint"])
        make = f"ALTER TABLE ONLY {part.sql} ADD CONSTRAINT {constraint} {row['constraint_definition']}"
    build = [
        # A definition does not name its tablespace; '' is the database's own.
        f"SET LOCAL default_tablespace = {quote_literal(row['tablespace'])}",
        make,
        *(
            f"ALTER INDEX {name} ALTER COLUMN {column} SET STATISTICS {target}"
            for column, target in zip(row["columns"], row["targets"], strict=True)
        ),
    ]
    if row["comment"] is not None:
        build.append(f"COMMENT ON INDEX {name} IS {quote_literal(row['comment'])}")
    return [*build, *_comment(row, part)] if whole else build


def _constrain(row: Any, part: Part) -> list[str]:
    """What makes the constraint of its index."""
    if row["constraint"] is None:
        return []
    what = "PRIMARY KEY" if row["primary"] else "UNIQUE"
    when = " DEFERRABLE" + (" INITIALLY DEFERRED" if row["deferred"] else "") if row["deferrable"] else ""
    name, index = quote_ident(row["constraint"]), quote_ident(row["name"])
    add = f"ALTER TABLE {part.sql} ADD CONSTRAINT {name} {what} USING INDEX {index}{when}"
    return [add, *_comment(row, part)]


def _comment(row: Any, part: Part) -> list[str]:
    if row["constraint_comment"] is None:
        return []
    comment = quote_literal(row["constraint_comment"])
    return [f"COMMENT ON CONSTRAINT {quote_ident(row['constraint'])} ON {part.sql} IS {comment}"]


def _cluster(row: Any, part: Part) -> list[str]:
    return [f"ALTER TABLE {part.sql} CLUSTER ON {quote_ident(row['name'])}"] if row["clustered"] else []


def _name(part: Part, row: Any) -> str:
    """An index is in its table's schema."""
    return f"{quote_ident(part.schema)}.{quote_ident(row['name'])}"


def _record(phase: Phase, row: Any, part: Part, statements: Sequence[str], size: int) -> Record:
    return Record(
        phase=phase,
        kind="index" if row["constraint"] is None else PRIMARY if row["primary"] else "unique constraint",
        schema=part.schema,
        table=part.name,
        name=row["name"],
        statements=tuple(statements),
        bytes=size,
    )
