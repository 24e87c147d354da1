"""What the server says of a captured table: its partitions, columns, owners and triggers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture.quoting import quote_ident

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Column", "Relation", "Trigger", "read_columns", "read_relation_oid", "read_relations", "read_triggers"]

#: The catalogs are read by a query, so that all of it is of one snapshot.
_TREE = """
WITH RECURSIVE tree(oid, depth) AS (
    SELECT $1::oid, 0
  UNION ALL
    SELECT i.inhrelid, tree.depth + 1
      FROM tree
      JOIN pg_catalog.pg_class p ON p.oid = tree.oid AND p.relkind = 'p'
      JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
)
SELECT c.oid, n.nspname, c.relname, c.relkind::text AS kind, c.relpersistence::text AS persistence,
       pg_catalog.pg_get_userbyid(c.relowner) AS owner, pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned,
       c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid) AS inherited
  FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 ORDER BY tree.depth, n.nspname, c.relname
"""
_COLUMNS = """
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.attgenerated::text AS generated,
       CASE WHEN t.typtype = 'e' THEN 'text'
            WHEN t.typtype = 'b' AND t.typnamespace = 'pg_catalog'::regnamespace THEN t.typname::text END AS plain
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
 WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
"""
_TRIGGERS = """
SELECT t.oid, t.tgrelid, t.tgname, t.tgtype,
       t.tgenabled = 'A' AS always, t.tgqual IS NULL AND t.tgattr::text = '' AS whole,
       n.nspname, c.relname,
       EXISTS (SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_trigger p ON p.tgrelid = i.inhparent
                WHERE i.inhrelid = t.tgrelid AND p.tgname = t.tgname AND p.tgfoid = t.tgfoid
                  AND (t.tgtype & 1) = 1) AS cloned
  FROM pg_catalog.pg_trigger t
  JOIN pg_catalog.pg_proc f ON f.oid = t.tgfoid JOIN pg_catalog.pg_namespace fn ON fn.oid = f.pronamespace
  JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE fn.nspname = $1 AND f.proname = $2
 ORDER BY n.nspname, c.relname, t.tgname
"""


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """A table, or a partition of it. ``kind`` and ``persistence`` are pg_class's letters.

    ``owned``: this role has the rights of its owner. ``inherited``: others inherit from it that are no partitions.
    """

    oid: int
    schema: str
    name: str
    kind: str
    persistence: str
    owner: str
    owned: bool
    inherited: bool

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        """For SQL."""
        return f"{quote_ident(self.schema)}.{quote_ident(self.name)}"


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """``plain``: the name of its type where that is a built-in base type, "text" for an enum, else None."""

    name: str
    type: str
    generated: str
    plain: str | None


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger. ``always``: it fires in every session; ``whole``: for every row and column.

    ``table``: what it is on, in SQL. ``cloned``: it belongs to the one of a partitioned table, and goes with it.
    """

    oid: int
    relation: int
    table: str
    name: str
    type: int
    always: bool
    whole: bool
    cloned: bool


async def read_relation_oid(connection: Connection, sql: str) -> int | None:
    """Which relation that is in SQL now; None where there is none."""
    oid = await connection.fetchval("SELECT pg_catalog.to_regclass($1)::oid", sql)
    return None if oid is None else int(oid)


async def read_relations(connection: Connection, oid: int) -> list[Relation]:
    """The table first, then its partitions of every depth; none where it is gone."""
    return [
        Relation(
            oid=row["oid"],
            schema=row["nspname"],
            name=row["relname"],
            kind=row["kind"],
            persistence=row["persistence"],
            owner=row["owner"],
            owned=row["owned"],
            inherited=row["inherited"],
        )
        for row in await connection.fetch(_TREE, oid)
    ]


async def read_columns(connection: Connection, oid: int) -> dict[str, Column]:
    """All columns of a relation by name."""
    return {
        row["attname"]: Column(name=row["attname"], type=row["type"], generated=row["generated"], plain=row["plain"])
        for row in await connection.fetch(_COLUMNS, oid)
    }


async def read_triggers(connection: Connection, schema: str, function: str) -> list[Trigger]:
    """All triggers that call this function, wherever they are."""
    return [
        Trigger(
            oid=row["oid"],
            relation=row["tgrelid"],
            table=f"{quote_ident(row['nspname'])}.{quote_ident(row['relname'])}",
            name=row["tgname"],
            type=row["tgtype"],
            always=row["always"],
            whole=row["whole"],
            cloned=row["cloned"],
        )
        for row in await connection.fetch(_TRIGGERS, schema, function)
    ]
