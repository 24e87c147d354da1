"""What the server says of a captured table: its partitions, columns, and by what it tells old rows apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture.quoting import quote_ident

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Column", "Relation", "column_list", "read_columns", "read_relation_oid", "read_relations"]

#: Publications have column lists from this version on.
_COLUMN_LISTS_SINCE = 15
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
       c.relkind = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid) AS inherited,
       c.relreplident::text AS identity, x.relname AS index,
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey) ORDER BY a.attnum) AS identifying
  FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index i
    ON i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
   AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END
  LEFT JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
 ORDER BY tree.depth, n.nspname, c.relname
"""
_COLUMNS = """
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.attgenerated::text AS generated
  FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
"""


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """A table, or a partition of it. ``kind``, ``persistence`` and ``identity`` are pg_class's letters.

    ``index`` and ``identifying``: the index by which old rows are told apart, and its columns. ``owned``: this role has
    the rights of its owner. ``inherited``: others inherit from it that are no partitions.
    """

    oid: int
    schema: str
    name: str
    kind: str
    persistence: str
    owner: str
    owned: bool
    inherited: bool
    identity: str
    index: str | None
    identifying: tuple[str, ...]

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        """For SQL."""
        return f"{quote_ident(self.schema)}.{quote_ident(self.name)}"

    def unknown(self, columns: Iterable[str]) -> list[str]:
        """Those of ``columns`` of which the WAL does not say what they were; a partitioned table has no rows."""
        if self.kind != "r" or self.identity == "f":
            return []
        return [name for name in columns if name not in self.identifying]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column's type, and how it is ``generated``: pg_attribute's letter."""

    name: str
    type: str
    generated: str


def column_list(version: int, root: Relation, *, full: bool) -> tuple[str, ...] | None:
    """Which columns are published; None: all. It has to be all of a partitioned table, and where old rows are whole."""
    if version < _COLUMN_LISTS_SINCE or root.kind == "p" or full or root.identity == "f":
        return None
    return root.identifying


async def read_relation_oid(connection: Connection, sql: str) -> int | None:
    """Which relation that is in SQL now; None where there is none."""
    oid = await connection.fetchval("SELECT pg_catalog.to_regclass($1)::oid", sql)
    return None if oid is None else int(oid)


async def read_relations(connection: Connection, oid: int) -> Sequence[Relation]:
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
            identity=row["identity"],
            index=row["index"],
            identifying=tuple(row["identifying"]),
        )
        for row in await connection.fetch(_TREE, oid)
    ]


async def read_columns(connection: Connection, oid: int) -> dict[str, Column]:
    """All columns of a relation by name."""
    return {
        row["attname"]: Column(name=row["attname"], type=row["type"], generated=row["generated"])
        for row in await connection.fetch(_COLUMNS, oid)
    }
