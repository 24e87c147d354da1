"""The tables of a target with all their partitions, as the catalogs have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture.loading.records import Record
from confiture.quoting import quote_ident

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Part", "Thing", "read_parts"]

_PARTS = """
WITH RECURSIVE tree(root, oid) AS (
    SELECT c.oid, c.oid FROM pg_catalog.unnest($1::text[]) AS t(name)
      JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(t.name)
    UNION ALL
    SELECT tree.root, i.inhrelid FROM tree JOIN pg_catalog.pg_class p ON p.oid = tree.oid AND p.relkind = 'p'
      JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
)
SELECT tree.oid, tree.root, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       c.relispartition AS partition, c.relrowsecurity AND c.relforcerowsecurity AS forced,
       pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owned, c.reltuples::float8 AS tuples
  FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY n.nspname, c.relname
"""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A table, or a partition of one. ``root`` is the table's OID, ``kind`` PostgreSQL's ``relkind``.

    ``owned``: this role may alter it. ``forced``: row-level security holds for its owner too. ``tuples`` is the
    planner's estimate of its rows, negative where nobody has looked.
    """

    oid: int
    root: int
    schema: str
    name: str
    kind: str
    partition: bool
    forced: bool
    owned: bool
    tuples: float

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"{self.schema}.{self.name}"

    @property
    def sql(self) -> str:
        """Its name in SQL."""
        return f"{quote_ident(self.schema)}.{quote_ident(self.name)}"

    @property
    def only(self) -> str:
        """Its own rows: those of its partitions, but not those of tables that inherit from it."""
        return self.sql if self.kind == "p" else f"ONLY {self.sql}"


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """What can be taken off by the statement ``off``, and put back by ``records``."""

    off: str
    records: tuple[Record, ...]


async def read_parts(connection: Connection, tables: Sequence[str]) -> tuple[Part, ...]:
    """``tables``, which are names in SQL, and their partitions; those that do not exist are left out."""
    rows = await connection.fetch(_PARTS, list(tables))
    return tuple(Part(**dict(row)) for row in rows)
