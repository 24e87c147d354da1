"""Which type of the target can stand for one of the source: the same one, or else the text that every value has.

Domains count as what they are made of: a value that a domain let pass is one of that type, and postgres_fdw sends no
comparison of a user's own type to the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Described", "base_of", "counterparts", "describe_types", "names_of"]

# By their output function: those of int2vector and oidvector are arrays in all but how they are written.
_TYPES: Final = """
SELECT t.oid, n.nspname::text AS schema, t.typname::text AS name, t.typtype::text AS kind,
       CASE WHEN t.typoutput = 'pg_catalog.array_out'::pg_catalog.regproc THEN t.typelem ELSE 0 END AS element,
       t.typbasetype AS base,
       e.extname::text AS extension,
       CASE t.typtype
            WHEN 'e' THEN ARRAY(SELECT l.enumlabel::text FROM pg_catalog.pg_enum l
                                 WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder)
            WHEN 'c' THEN ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
                                 WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
                                 ORDER BY a.attnum) END AS labels,
       CASE WHEN t.typoutput = 'pg_catalog.array_out'::pg_catalog.regproc THEN ARRAY[t.typelem]
            WHEN t.typtype = 'd' THEN ARRAY[t.typbasetype]
            WHEN t.typtype IN ('r', 'm') THEN ARRAY(
                SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid))
            WHEN t.typtype = 'c' THEN ARRAY(
                SELECT a.atttypid FROM pg_catalog.pg_attribute a
                 WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
            ELSE '{}' END AS parts
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_depend d
    ON d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e'
  LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
 WHERE t.oid = ANY($1::oid[])
"""
_CANDIDATES: Final = """
SELECT t.oid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  JOIN unnest($1::text[], $2::text[]) AS w(schema, name) ON w.schema = n.nspname AND w.name = t.typname
UNION
SELECT t.oid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_extension e ON true
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid
   AND d.deptype = 'e' AND d.refobjid = e.oid
  JOIN unnest($3::text[], $2::text[]) AS w(extension, name) ON w.extension = e.extname AND w.name = t.typname
"""
_CATALOG: Final = "pg_catalog"


class Described(msgspec.Struct, frozen=True):
    """A type of one database. ``form`` is equal for types of two databases that are one; None: there is none such."""

    schema: str
    name: str
    form: str


async def describe_types(connection: Connection, oids: Iterable[int]) -> dict[int, Any]:
    """What the catalogs say of the types and all that they are made of, by OID."""
    rows: dict[int, Any] = {}
    wanted = set(oids)
    while missing := {*wanted, *(part for row in rows.values() for part in row["parts"])} - rows.keys():
        found = {row["oid"]: row for row in await connection.fetch(_TYPES, list(missing))}
        rows |= found
        if missing - found.keys():  # dropped in this moment
            wanted -= missing
            break
    return rows


def base_of(oid: int, rows: Mapping[int, Any]) -> int:
    """The type's own OID, or that of what a domain is made of."""
    while (row := rows.get(oid)) is not None and row["kind"] == "d":
        oid = row["base"]
    return oid


def names_of(oid: int, rows: Mapping[int, Any]) -> Described | None:
    """The type without its domains; None where it cannot be known."""
    form = _form(oid, rows)
    if form is None:
        return None
    row = rows[base_of(oid, rows)]
    if row["element"]:
        element = names_of(row["element"], rows)
        return Described(element.schema, f"{element.name}[]", form) if element is not None else None
    return Described(row["schema"], row["name"], form)


def _form(oid: int, rows: Mapping[int, Any]) -> str | None:
    row = rows.get(base_of(oid, rows))
    if row is None:
        return None
    parts = [_form(part, rows) for part in row["parts"]]
    if any(part is None for part in parts):
        return None
    known = [part for part in parts if part is not None]
    if row["element"]:
        return f"{known[0]}[]"
    if row["schema"] == _CATALOG and row["kind"] != "c":
        return f"{_CATALOG}.{row['name']}"
    origin = f"extension {row['extension']}" if row["extension"] else f"schema {row['schema']!r}"
    return f"{row['kind']} {row['name']!r} of {origin}: {list(row['labels'] or ())} {known}"


async def counterparts(
    target: Connection, wanted: Sequence[int], source_rows: Mapping[int, Any]
) -> dict[int, tuple[str, str]]:
    """By the OID of a type of the source, its counterpart's schema and name on the target, where it has the same.

    The name of an array ends with ``[]``.
    """
    described = {oid: names_of(oid, source_rows) for oid in wanted}
    plain = {oid: _plain(oid, source_rows) for oid in wanted}
    rows = [source_rows[oid] for oid in set(plain.values()) if oid in source_rows]
    found = await target.fetch(
        _CANDIDATES,
        [row["schema"] for row in rows],
        [row["name"] for row in rows],
        [row["extension"] for row in rows],
    )
    there = [row["oid"] for row in found]
    target_rows = await describe_types(target, there)
    by_form = {each.form: each for each in (names_of(oid, target_rows) for oid in there) if each is not None}
    same: dict[int, tuple[str, str]] = {}
    for oid, each in described.items():
        if each is None:
            continue
        suffix = "[]" if each.form.endswith("[]") else ""
        if (other := by_form.get(each.form.removesuffix("[]"))) is not None:
            same[oid] = (other.schema, other.name + suffix)
    return same


def _plain(oid: int, rows: Mapping[int, Any]) -> int:
    """The element of an array, the base of a domain, and so on down."""
    while (row := rows.get(oid)) is not None:
        if row["kind"] == "d":
            oid = row["base"]
        elif row["element"]:
            oid = row["element"]
        else:
            break
    return oid
