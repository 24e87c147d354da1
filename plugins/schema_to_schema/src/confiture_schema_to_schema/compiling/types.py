"""Types of both databases, and what PostgreSQL makes of a value of one where another is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from confiture_schema_to_schema.cataloguing.queries import type_sql

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Casts", "Fitted", "Type", "fit", "read_casts", "read_types", "types_there"]

_TYPES = f"""
SELECT t.oid, t.typname::text AS name, n.nspname::text AS schema, t.typtype::text AS kind,
       t.typcategory::text AS category, {type_sql("t", "n", "e", "en")} AS sql,
       CASE WHEN t.typtype = 'd' AND t.typtypmod >= 0
            THEN pg_catalog.format_type(t.typbasetype, t.typtypmod) END AS base,
       t.typcategory = 'A' AND t.typlen = -1 AS is_array,
       ARRAY(SELECT l.enumlabel::text FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid) AS labels,
       CASE WHEN t.typcategory = 'A' AND t.typlen = -1 THEN ARRAY[t.typelem]
            WHEN t.typtype = 'd' THEN ARRAY[t.typbasetype]
            WHEN t.typtype IN ('r', 'm') THEN ARRAY(
                SELECT r.rngsubtype FROM pg_catalog.pg_range r
                 WHERE t.oid IN (r.rngtypid, (pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::oid))
            WHEN t.typtype = 'c' THEN ARRAY(
                SELECT a.atttypid FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
            ELSE '{{}}' END AS parts
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A' AND t.typlen = -1
  LEFT JOIN pg_catalog.pg_namespace en ON en.oid = e.typnamespace
 WHERE t.oid = ANY($1::oid[])
"""
_THERE = """
SELECT s.name, pg_catalog.to_regtype(s.name)::oid AS oid FROM pg_catalog.unnest($1::text[]) AS s(name)
 WHERE pg_catalog.to_regtype(s.name) IS NOT NULL
"""
_CASTS = "SELECT castsource AS source, casttarget AS target, castcontext::text AS context FROM pg_catalog.pg_cast"


class Type(msgspec.Struct, frozen=True, kw_only=True):
    """A type in its database. ``sql`` is its name without modifier. ``kin`` is equal for types that are the same but
    for their OIDs and schemas, a domain being its base.

    ``root`` is what it is beneath its domains, itself mostly; ``modified`` that with a domain's modifier.
    """  # noqa: D205

    oid: int
    name: str
    schema: str
    kind: str
    category: str
    sql: str
    kin: str
    element: Type | None = None
    base: Type | None = None
    modified: str | None = None
    labels: tuple[str, ...] = ()

    @property
    def root(self) -> Type:
        """Without domains."""
        return self if self.base is None else self.base.root

    @property
    def innermost(self) -> Type:
        """Of an array what it is an array of, without domains."""
        root = self.root
        return root if root.element is None else root.element.innermost

    @property
    def built_in(self) -> bool:
        """Whether every server has it."""
        return self.innermost.schema == "pg_catalog"

    @property
    def depth(self) -> int:
        """Whether it is an array: 0 or 1."""
        return 0 if self.root.element is None else 1


#: By source and target OID: ``i`` implicit, ``a`` assignment, ``e`` explicit.
Casts = Mapping[tuple[int, int], str]


class Fitted(msgspec.Struct, frozen=True):
    """How a value gets to its column: as it is, cast to ``type``, or by its text."""

    how: Literal["same", "cast", "text"]
    type: str = ""


async def read_casts(connection: Connection) -> Casts:
    """All casts of a database."""
    return {(row["source"], row["target"]): row["context"] for row in await connection.fetch(_CASTS)}


async def read_types(connection: Connection, oids: Iterable[int]) -> Mapping[int, Type]:
    """The types, by OID."""
    wanted = set(oids)
    rows: dict[int, Any] = {}
    while missing := {*wanted, *(part for row in rows.values() for part in row["parts"])} - rows.keys():
        rows |= {row["oid"]: row for row in await connection.fetch(_TYPES, list(missing))}
    return {oid: _type(oid, rows) for oid in wanted}


def _type(oid: int, rows: Mapping[int, Any]) -> Type:
    row = rows[oid]
    parts = [_type(part, rows) for part in row["parts"]]
    base = parts[0] if row["kind"] == "d" else None
    element = parts[0] if row["is_array"] else None
    if base is not None:
        kin = base.kin
    elif row["kind"] in ("r", "m", "c") or element is not None:
        kin = f"{'a' if element else row['kind']}({', '.join(part.kin for part in parts)})"
    else:
        kin = row["name"]
    return Type(
        oid=oid,
        name=row["name"],
        schema=row["schema"],
        kind=row["kind"],
        category=row["category"],
        sql=row["sql"],
        kin=kin,
        element=element,
        base=base,
        modified=row["base"] or (base.modified if base is not None else None),
        labels=tuple(row["labels"]),
    )


async def types_there(source: Connection, wanted: Iterable[Type]) -> Mapping[str, Type]:
    """Which of the new database's types the old one has, by ``sql``: as they are there."""
    names = {type_.root.sql for type_ in wanted}
    found = {row["name"]: row["oid"] for row in await source.fetch(_THERE, list(names))}
    types = await read_types(source, found.values())
    return {name: types[oid] for name, oid in found.items()}


def fit(given: Type, wanted: Type, there: Type | None, casts: Casts, literal: str | None = None) -> Fitted | None:
    """How a value of the type ``given`` gets into a column of the type ``wanted``; None: not without a transform.

    ``there`` is what ``wanted`` is on the source, without domains, None where it has no such type. ``literal``: the
    value is a constant whose type is not fixed yet, "" for NULL.
    """
    if literal is not None:
        takes = there is not None and there.kin == wanted.root.kin
        labelled = there is None or there.kind != "e" or not literal or literal in there.labels
        return Fitted("cast", there.sql) if there is not None and takes and labelled else Fitted("text")
    if given.kin == wanted.kin:
        return Fitted("same")
    if there is not None and there.kin == wanted.root.kin and _assignable(given.root, there, casts):
        return Fitted("cast", there.sql)
    one, other = given.innermost, wanted.innermost
    texts = one.category == "S" and not wanted.built_in
    labels = one.kind == other.kind == "e"
    return Fitted("text") if given.depth == wanted.depth and (texts or labels) else None


def _assignable(given: Type, wanted: Type, casts: Casts) -> bool:
    """Whether PostgreSQL casts by itself where a value is assigned (find_coercion_pathway in parse_coerce.c)."""
    given, wanted = given.root, wanted.root
    if given.oid == wanted.oid:
        return True
    if (context := casts.get((given.oid, wanted.oid))) is not None:
        return context in "ia"
    if given.element is not None and wanted.element is not None:
        return _assignable(given.element, wanted.element, casts)
    if given.name == "record" and given.schema == "pg_catalog":
        return wanted.kind == "c"
    return wanted.category == "S"
