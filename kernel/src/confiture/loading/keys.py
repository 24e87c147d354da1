"""Foreign keys of the tables that are loaded, and those that lead to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from confiture.loading.parts import Part, Thing
from confiture.loading.records import Phase, Record
from confiture.quoting import quote_ident, quote_literal

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["read_keys"]

# conparentid: keys that partitions have from their root go and come with the root's. Those of them that partitions had
# before they were attached may have a name or a comment of their own. Where a superuser has switched the triggers of a
# key off, nobody else can do so again: such a key checks nothing and stays where it is. So does one to a table that is
# not loaded and that this role could not make a key to again.
# to_jsonb(k): conenforced is there since 18.
_KEYS = """
SELECT k.conname::text AS name, n.nspname::text AS schema, c.relname::text AS table, c.relkind = 'p' AS partitioned,
       k.conrelid, k.confrelid, k.convalidated AS validated, k.confmatchtype = 'f' AS full,
       fn.nspname::text AS parent_schema, f.relname::text AS parent, f.relkind = 'p' AS parent_partitioned,
       coalesce(pg_catalog.to_jsonb(k) ->> 'conperiod', 'false')::bool AS period,
       pg_catalog.pg_get_constraintdef(k.oid) AS definition,
       pg_catalog.obj_description(k.oid, 'pg_constraint') AS comment,
       pg_catalog.pg_relation_size(k.conrelid) AS bytes,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u(n, o)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.o) AS columns,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u(n, o)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY u.o) AS others,
       ARRAY(SELECT pg_catalog.format('OPERATOR(%I.%s)', pn.nspname, p.oprname)
               FROM pg_catalog.unnest(k.conpfeqop) WITH ORDINALITY u(n, o) JOIN pg_catalog.pg_operator p ON p.oid = u.n
               JOIN pg_catalog.pg_namespace pn ON pn.oid = p.oprnamespace ORDER BY u.o) AS operators,
       (WITH RECURSIVE below(oid) AS (
            SELECT b.oid FROM pg_catalog.pg_constraint b WHERE b.conparentid = k.oid AND b.confrelid = k.confrelid
            UNION ALL
            SELECT b.oid FROM below JOIN pg_catalog.pg_constraint b
              ON b.conparentid = below.oid AND b.confrelid = k.confrelid)
        SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
                   'schema', bn.nspname, 'table', bc.relname, 'leaf', bc.relkind <> 'p', 'name', b.conname,
                   'definition', pg_catalog.pg_get_constraintdef(b.oid),
                   'comment', pg_catalog.obj_description(b.oid, 'pg_constraint'))), '[]')::text
          FROM below JOIN pg_catalog.pg_constraint b ON b.oid = below.oid
          JOIN pg_catalog.pg_class bc ON bc.oid = b.conrelid
          JOIN pg_catalog.pg_namespace bn ON bn.oid = bc.relnamespace) AS below
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class f ON f.oid = k.confrelid JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace
 WHERE k.contype = 'f' AND k.conparentid = 0 AND (k.conrelid = ANY($1::oid[]) OR k.confrelid = ANY($1::oid[]))
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgconstraint = k.oid AND t.tgenabled <> 'O')
   AND (k.confrelid = ANY($1::oid[]) OR pg_catalog.has_table_privilege(k.confrelid, 'REFERENCES'))
 ORDER BY n.nspname, c.relname, k.conname
"""
#: A partitioned table could not have a foreign key that is NOT VALID.
_UNCHECKED_PARTITIONED_SINCE = 18


async def read_keys(connection: Connection, parts: Sequence[Part]) -> list[Thing]:
    """What takes them off and puts them back. The session's search_path must be empty."""
    import msgspec

    rows = await connection.fetch(_KEYS, [part.oid for part in parts])
    version = connection.get_server_version()[0]
    return [_thing(row, msgspec.json.decode(row["below"]), version) for row in rows]


def _thing(row: Any, below: Sequence[dict[str, Any]], version: int) -> Thing:
    table, name = _table(row["schema"], row["table"]), quote_ident(row["name"])
    # One that is NOT VALID says so in its definition, and stays so; one that is NOT ENFORCED is not valid either.
    unchecked = row["validated"] and (not row["partitioned"] or version >= _UNCHECKED_PARTITIONED_SINCE)
    add = [
        # Before the root's: it takes them for its own, instead of making ones of its own name.
        *(
            f"ALTER TABLE {_table(each['schema'], each['table'])} ADD CONSTRAINT {quote_ident(each['name'])} "
            f"{each['definition']}"
            for each in below
            if each["leaf"] and each["name"] != row["name"]
        ),
        f"ALTER TABLE {table} ADD CONSTRAINT {name} {row['definition']}{' NOT VALID' if unchecked else ''}",
        *_comment(row["schema"], row["table"], row["name"], row["comment"]),
        *(
            statement
            for each in below
            for statement in _comment(each["schema"], each["table"], each["name"], each["comment"])
        ),
    ]
    common: dict[str, Any] = {
        "schema": row["schema"],
        "table": row["table"],
        "name": row["name"],
        "kind": "foreign key",
        "parent": f"{row['parent_schema']}.{row['parent']}",
        "dangling": None if row["period"] else _dangling(row),
        "bytes": row["bytes"],
    }
    records = [Record(phase=Phase.KEY, statements=tuple(add), **common)]
    if unchecked:
        validate = f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}"
        records.append(Record(phase=Phase.VALIDATE, statements=(validate,), **common))
    return Thing(off=f"ALTER TABLE {table} DROP CONSTRAINT {name}", records=tuple(records))


def _dangling(row: Any) -> str:
    """Counts the rows that have no parent. As the key itself does it: not in tables that inherit."""
    child, parent = _table(row["schema"], row["table"]), _table(row["parent_schema"], row["parent"])
    columns = [f"c.{quote_ident(column)}" for column in row["columns"]]
    # MATCH FULL: all are NULL, or none is.
    present = (" OR " if row["full"] else " AND ").join(f"{column} IS NOT NULL" for column in columns)
    same = " AND ".join(
        f"p.{quote_ident(other)} {operator} {column}"
        for column, other, operator in zip(columns, row["others"], row["operators"], strict=True)
    )
    return (
        f"SELECT count(*) FROM {'' if row['partitioned'] else 'ONLY '}{child} AS c WHERE ({present}) "
        f"AND NOT EXISTS (SELECT FROM {'' if row['parent_partitioned'] else 'ONLY '}{parent} AS p WHERE {same})"
    )


def _table(schema: str, name: str) -> str:
    return f"{quote_ident(schema)}.{quote_ident(name)}"


def _comment(schema: str, table: str, name: str, comment: str | None) -> list[str]:
    if comment is None:
        return []
    return [f"COMMENT ON CONSTRAINT {quote_ident(name)} ON {_table(schema, table)} IS {quote_literal(comment)}"]
