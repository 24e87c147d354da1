"""Tables of the source as masks need to know them: one look at the catalogs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from confiture.errors import Refused
from confiture.masking.values import MaskColumn, MaskTable, ValueType
from confiture.quoting import quote_ident

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["read_table", "read_tables"]

_Place = tuple[str, str, str]

_TABLE = """
SELECT c.oid, greatest(c.reltuples, 0)::bigint AS rows, c.relkind <> 'p' AND c.relhassubclass AS only
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'm', 'v', 'f')
"""
# A domain is followed to its base type: its rules are the target's to enforce. Its length is the innermost one's.
_COLUMNS = """
WITH RECURSIVE base(attnum, oid, typmod) AS (
    SELECT a.attnum, a.atttypid, a.atttypmod FROM pg_catalog.pg_attribute a
     WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT b.attnum, t.typbasetype, t.typtypmod
      FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.oid AND t.typtype = 'd'
)
SELECT a.attname::text AS name, a.attnotnull OR d.typnotnull AS not_null, a.attgenerated <> '' AS generated,
       pg_catalog.pg_get_expr(f.adbin, f.adrelid) AS default, pg_catalog.format_type(a.atttypid, a.atttypmod) AS shown,
       n.nspname::text AS type_schema, t.typname::text AS type_name, t.typcategory::text AS category,
       b.typmod, b.oid::bigint AS type_oid,
       ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid
              ORDER BY e.enumsortorder) AS labels,
       en.nspname::text AS element_schema, et.typname::text AS element_name, et.typcategory::text AS element_category,
       ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = et.oid
              ORDER BY e.enumsortorder) AS element_labels
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_type d ON d.oid = a.atttypid
  JOIN base b ON b.attnum = a.attnum
  JOIN pg_catalog.pg_type t ON t.oid = b.oid AND t.typtype <> 'd'
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_type et ON et.oid = t.typelem AND t.typcategory = 'A' AND t.typlen = -1
  LEFT JOIN pg_catalog.pg_namespace en ON en.oid = et.typnamespace
  LEFT JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum AND a.attgenerated = ''
 WHERE a.attrelid = $1 ORDER BY a.attnum
"""
# Only the key columns count (indnkeyatts): those of INCLUDE are not unique. indkey is 0 for an expression.
_INDEXES = """
SELECT i.indisprimary AS is_primary, 0 = ANY (k.numbers) AS expressions,
       pg_catalog.pg_get_indexdef(i.indexrelid) AS definition,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.numbers) WITH ORDINALITY AS u(number, place)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.number
              ORDER BY u.place) AS columns
  FROM pg_catalog.pg_index i
  CROSS JOIN LATERAL (SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1] AS numbers) AS k
 WHERE i.indrelid = $1 AND i.indisunique AND i.indislive ORDER BY i.indisprimary DESC, i.indexrelid
"""
_REFERENCES = """
SELECT n.nspname::text, c.relname::text, a.attname::text, fn.nspname::text, fc.relname::text, fa.attname::text
  FROM pg_catalog.pg_constraint k
  CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey)) AS u(own, other)
  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class fc ON fc.oid = k.confrelid JOIN pg_catalog.pg_namespace fn ON fn.oid = fc.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.own
  JOIN pg_catalog.pg_attribute fa ON fa.attrelid = fc.oid AND fa.attnum = u.other
 WHERE k.contype = 'f' AND k.conparentid = 0 ORDER BY 1, 2, k.conname DESC
"""


async def read_table(connection: Connection, schema: str, name: str) -> MaskTable:
    """The table. Raises ``Refused`` where there is none."""
    return (await read_tables(connection, [(schema, name)]))[0]


async def read_tables(
    connection: Connection, names: Sequence[tuple[str, str]], references: Mapping[_Place, _Place] | None = None
) -> tuple[MaskTable, ...]:
    """The tables, in order. ``references`` are foreign keys that the database does not know, column by column."""
    declared = {tuple(row)[:3]: tuple(row)[3:] for row in await connection.fetch(_REFERENCES)}
    known: dict[_Place, _Place] = {**declared, **(references or {})}
    return tuple([await _read(connection, schema, name, known) for schema, name in names])


async def _read(connection: Connection, schema: str, name: str, known: Mapping[_Place, _Place]) -> MaskTable:
    table = await connection.fetchrow(_TABLE, schema, name)
    if table is None:
        raise Refused(f"there is no table {f'{schema}.{name}'!r}", hint="see whether the source is the right database")
    columns = []
    targets = set(known.values())
    for row in await connection.fetch(_COLUMNS, table["oid"]):
        place = (schema, name, row["name"])
        columns.append(
            MaskColumn(
                schema=schema,
                table=name,
                name=row["name"],
                type=_type(row),
                not_null=row["not_null"],
                default=row["default"],
                generated=row["generated"],
                references=known.get(place),
                referenced=place in targets,
                domain=".".join(_root(place, known)),
            )
        )
    indexes = await connection.fetch(_INDEXES, table["oid"])
    plain = [index for index in indexes if not index["expressions"]]
    return MaskTable(
        schema=schema,
        name=name,
        columns=tuple(columns),
        primary_key=next((tuple(index["columns"]) for index in plain if index["is_primary"]), ()),
        unique=tuple(dict.fromkeys(tuple(index["columns"]) for index in plain)),
        expressions=tuple(index["definition"] for index in indexes if index["expressions"]),
        rows=table["rows"],
        only=table["only"],
        version=connection.get_server_version()[0],
    )


def _root(place: _Place, known: Mapping[_Place, _Place]) -> _Place:
    """The column at the end of all foreign keys; of a circle of them, the first by name."""
    seen = [place]
    while (following := known.get(seen[-1])) is not None:
        if following in seen:
            return min(seen[seen.index(following) :])
        seen.append(following)
    return seen[-1]


def _type(row: Any) -> ValueType:
    element = None
    if row["element_name"] is not None:
        element = ValueType(
            sql=f"{quote_ident(row['element_schema'])}.{quote_ident(row['element_name'])}",
            name=row["element_name"],
            category=row["element_category"],
            shown=row["element_name"],
            labels=tuple(row["element_labels"]),
        )
    typmod = row["typmod"]
    numeric = row["type_name"] == "numeric" and typmod >= 0
    return ValueType(
        # Quoted in full: "bpchar" and "bit" have no length of 1 then, which character and bit have.
        sql=f"{quote_ident(row['type_schema'])}.{quote_ident(row['type_name'])}",
        name=row["type_name"],
        category=row["category"],
        shown=row["shown"],
        length=typmod - 4 if row["type_name"] in ("varchar", "bpchar") and typmod >= 0 else None,
        precision=(typmod - 4) >> 16 if numeric else None,
        # Eleven bits with a sign since PostgreSQL 15.
        scale=(((typmod - 4) & 0x7FF) ^ 1024) - 1024 if numeric else None,
        labels=tuple(row["labels"]),
        element=element,
    )
