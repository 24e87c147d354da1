"""Whether the columns of a query can go into the columns of a table, and in which form.

PostgreSQL's binary form of a value is read by the receiving type's own function, without a conversion: eight bytes of a
bigint are "incorrect binary data" for an integer, and four of them would be taken for a date. So both sides are asked
for their types before a row moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.errors import Refused

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Column", "Fit", "WireType", "fit", "fit_types", "query_types"]

#: Types whose binary form is their text; the target's function checks it, as it does for any input.
_TEXT_RECEIVERS = frozenset(
    {"textrecv", "varcharrecv", "bpcharrecv", "namerecv", "unknownrecv", "citextrecv", "json_recv", "enum_recv"}
)
#: Their binary form is an OID, which is another object in another database. Their text is the object's name.
_BY_OID = frozenset(
    {"regclass", "regcollation", "regconfig", "regdatabase", "regdictionary", "regnamespace", "regoper"}
    | {"regoperator", "regproc", "regprocedure", "regrole", "regtype"}
)
#: An empty vector is sent in a form that is not received; a tsvector's receiver has crashed servers (ARM).
_BADLY_RECEIVED = frozenset({"int2vector", "oidvector", "tsvector"})
_RELATION = """
SELECT n.nspname::text AS schema, c.relname::text AS name,
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) AS names,
       ARRAY(SELECT a.atttypid FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) AS types,
       ARRAY(SELECT a.attgenerated <> '' FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) AS generated
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = pg_catalog.to_regclass($1)
"""
_TYPES = """
SELECT t.oid, t.typname::text AS name, t.typtype::text AS type, t.typreceive::pg_catalog.regproc::text AS receive,
       t.typsend::pg_catalog.oid <> 0 AND t.typreceive::pg_catalog.oid <> 0 AS binary,
       t.typcategory = 'A' AND t.typlen = -1 AS is_array, pg_catalog.format_type(t.oid, NULL) AS shown,
       CASE WHEN t.typcategory = 'A' AND t.typlen = -1 THEN ARRAY[t.typelem]
            WHEN t.typtype = 'd' THEN ARRAY[t.typbasetype]
            WHEN t.typtype IN ('r', 'm') THEN ARRAY(
                SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid))
            WHEN t.typtype = 'c' THEN ARRAY(
                SELECT a.atttypid FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
            ELSE '{}' END AS parts
  FROM pg_catalog.pg_type t WHERE t.oid = ANY($1::oid[])
"""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column on its way: its bare name on the target, and what its type is called on each side.

    ``as_text``: its binary form is nothing but its text, so that a client reads it without knowing the type.
    """

    name: str
    source_type: str
    target_type: str
    as_text: bool


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """``schema`` and ``table`` are the target's, bare. ``binary`` says whether all columns can travel in binary.

    Where not, ``obstacles`` are the names of the columns that cannot, though their types are the same.
    """

    schema: str
    table: str
    columns: tuple[Column, ...]
    binary: bool
    obstacles: tuple[str, ...] = ()


class WireType(msgspec.Struct, frozen=True):
    """A type as it travels. ``wire`` is equal for types whose binary forms are one; None where there is none to use.

    ``kin`` is equal for types that are the same but for their OIDs. ``shown`` is how messages name it.
    """

    wire: str | None
    kin: str
    shown: str


async def fit(
    source: Connection, query: str, target: Connection, table: str, columns: Sequence[str], *, binary: bool = True
) -> Fit:
    """Ask both sides: ``query`` is described, not run; ``table`` is SQL text, ``columns`` are bare names.

    ``binary`` False: types may differ, since every value is read from its text. Raises ``Refused`` naming what does
    not fit: another number of columns, a column that is not there or is generated, two types.
    """
    return await fit_types(await query_types(source, query), target, table, columns, binary=binary)


async def query_types(source: Connection, query: str) -> tuple[WireType, ...]:
    """The types of a query's columns, which is described and not run. Raises ``Refused`` for one with parameters."""
    found = await source.prepare(query)
    if found.get_parameters():
        raise Refused("the query has parameters ($1)", hint="COPY takes none: use settings and current_setting()")
    return await _types(source, [attribute.type.oid for attribute in found.get_attributes()])


async def fit_types(
    given: Sequence[WireType], target: Connection, table: str, columns: Sequence[str], *, binary: bool = True
) -> Fit:
    """The second half of :func:`fit`: columns of the types ``given`` and the target's table."""
    relation = await target.fetchrow(_RELATION, table)
    if relation is None:
        raise Refused(f"the target has no table {table!r}", hint="create it first, or name it with its schema")
    if len(given) != len(columns):
        raise Refused(f"the query has {len(given)} columns for the {len(columns)} columns named of {table!r}")
    wanted = await _types(target, [_known(table, column, relation) for column in columns])
    rows = list(zip(columns, given, wanted, strict=True))
    if binary:
        for name, one, other in rows:
            if one.kin != other.kin and not _same_wire(one, other):
                raise Refused(
                    f"column {name!r} of {table!r} is {other.shown!r}, and the query gives {one.shown!r}",
                    hint=f"cast it to {other.shown} in the query or the mask; or move the rows as text (binary=False)",
                )
    obstacles = tuple(name for name, one, other in rows if not _same_wire(one, other))
    return Fit(
        schema=relation["schema"],
        table=relation["name"],
        columns=tuple(
            Column(name=name, source_type=one.shown, target_type=other.shown, as_text=one.wire == other.wire == "text")
            for name, one, other in rows
        ),
        binary=binary and not obstacles,
        obstacles=obstacles,
    )


def _same_wire(one: WireType, other: WireType) -> bool:
    return one.wire is not None and one.wire == other.wire


def _known(table: str, column: str, relation: Any) -> int:
    """The type's OID of a column that takes values."""
    if column not in relation["names"]:
        raise Refused(f"{table!r} has no column {column!r}", hint=f"it has: {', '.join(relation['names'])}")
    number = relation["names"].index(column)
    if relation["generated"][number]:
        raise Refused(f"column {column!r} of {table!r} is generated", hint="leave it out: the target computes it")
    oid: int = relation["types"][number]
    return oid


async def _types(connection: Connection, oids: Sequence[int]) -> tuple[WireType, ...]:
    rows: dict[int, Any] = {}
    # Level by level: one recursive query would cost more to plan, and be compiled where jit is on.
    while missing := {*oids, *(part for row in rows.values() for part in row["parts"])} - rows.keys():
        rows |= {row["oid"]: row for row in await connection.fetch(_TYPES, list(missing))}
    return tuple(WireType(_wire(oid, rows), _kin(oid, rows), rows[oid]["shown"]) for oid in oids)


def _wire(oid: int, rows: Mapping[int, Any]) -> str | None:
    # Arrays and composites hold the OIDs of their parts, which differ from database to database for a user's types.
    row = rows[oid]
    if row["name"] in _BY_OID | _BADLY_RECEIVED or not row["binary"] or row["type"] == "p":
        return None
    parts = [(part, _wire(part, rows)) for part in row["parts"]]
    if any(wire is None for _, wire in parts):
        return None
    if row["type"] == "d":
        return parts[0][1]
    if row["is_array"]:
        return f"array({parts[0][0]} {parts[0][1]})"
    if row["type"] == "c":
        return f"row({', '.join(f'{part} {wire}' for part, wire in parts)})"
    if row["type"] in ("r", "m"):
        return f"{row['type']}({parts[0][1]})"
    receive = row["receive"].rpartition(".")[2]
    return "text" if receive in _TEXT_RECEIVERS else f"{receive} {row['name']}"


def _kin(oid: int, rows: Mapping[int, Any]) -> str:
    row = rows[oid]
    parts = [_kin(part, rows) for part in row["parts"]]
    if row["type"] == "d":
        return parts[0]
    if row["type"] in ("r", "m", "c") or row["is_array"]:
        return f"{'a' if row['is_array'] else row['type']}({', '.join(parts)})"
    return str(row["name"])
