"""Reads which tables a database has, and what leads from one to the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from confiture.errors import ConfigError
from confiture.masking import MaskTable
from confiture.masking.reading import read_tables
from confiture.masking.rules import split_name
from confiture_sync.values import Catalog, ForeignKey, SyncTable

if TYPE_CHECKING:
    from confiture.protocols import Connection
    from confiture_sync.configuring import Reference

__all__ = ["read_catalog"]

# Partitions are read through their root. What an extension owns comes with the extension, save for tables that it
# says are the user's data (extconfig). pg_relation_size(.., 'main') + TOAST: indexes are not copied.
_TABLES = """
WITH RECURSIVE tree AS (
    SELECT c.oid AS root, c.oid, c.relkind FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT c.relispartition
       AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
       AND NOT (n.nspname = $1 AND pg_catalog.starts_with(c.relname::text, 'confiture_'))
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
                        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
                          AND d.refclassid = 'pg_catalog.pg_extension'::regclass
                          AND NOT c.oid = ANY (coalesce(e.extconfig, '{}')))
    UNION ALL
    SELECT tree.root, i.inhrelid, c.relkind FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid
      JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid WHERE tree.relkind = 'p'
)
SELECT r.oid, n.nspname::text AS schema, r.relname::text AS name, r.relkind = 'p' AS partitioned, sums.bytes, sums.rows
  FROM (SELECT tree.root, sum(greatest(c.reltuples, 0))::bigint AS rows,
               sum(CASE WHEN c.relkind = 'r' THEN pg_catalog.pg_table_size(c.oid) ELSE 0 END)::bigint AS bytes
          FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid GROUP BY tree.root) AS sums
  JOIN pg_catalog.pg_class r ON r.oid = sums.root JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
 ORDER BY 2, 3
"""
# conparentid: the foreign keys that partitions have from their root, and those to each partition of a parent.
_FOREIGN_KEYS = """
SELECT k.conname::text AS name, k.conrelid AS oid, k.confmatchtype = 'f' AS full,
       fn.nspname || '.' || fc.relname AS parent,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u(n, o)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.o) AS columns,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u(n, o)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY u.o) AS others
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class fc ON fc.oid = k.confrelid
  JOIN pg_catalog.pg_namespace fn ON fn.oid = fc.relnamespace
 WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = ANY($1::oid[]) ORDER BY k.conname
"""


async def read_catalog(
    connection: Connection, *, own_schema: str, references: Sequence[Reference] = (), file: str | None = None
) -> Catalog:
    """The tables of a database. ``own_schema`` is confiture's own; ``references`` come from the file ``file``.

    Raises ``ConfigError`` for a reference whose tables or columns are not there.
    """
    rows = await connection.fetch(_TABLES, own_schema)
    path = tuple(await connection.fetchval("SELECT pg_catalog.current_schemas(false)::text[]"))
    masks = await read_tables(connection, [(row["schema"], row["name"]) for row in rows])
    by_label = {mask.label: mask for mask in masks}
    virtual = [_virtual(reference, by_label, path, file) for reference in references]
    if virtual:  # once more: the domains of columns follow from them
        known = {_place(by_label[key.table], key.columns[0]): _place(by_label[key.parent], key.parent_columns[0])
                 for key in virtual}  # fmt: skip
        masks = await read_tables(connection, [(row["schema"], row["name"]) for row in rows], known)
    keys: dict[str, list[ForeignKey]] = {mask.label: [] for mask in masks}
    by_oid = {row["oid"]: mask for row, mask in zip(rows, masks, strict=True)}
    for row in await connection.fetch(_FOREIGN_KEYS, list(by_oid)):
        keys[by_oid[row["oid"]].label].append(_declared(row, by_oid[row["oid"]]))
    for key in virtual:
        keys[key.table].append(key)
    tables = [
        SyncTable(
            mask=mask,
            oid=row["oid"],
            partitioned=row["partitioned"],
            bytes=row["bytes"],
            rows=row["rows"],
            foreign_keys=tuple(keys[mask.label]),
        )
        for row, mask in zip(rows, masks, strict=True)
    ]
    return Catalog(tables={table.label: table for table in tables}, search_path=path)


def _declared(row: Any, table: MaskTable) -> ForeignKey:
    # MATCH SIMPLE: one column that is NULL is enough to do without the parent.
    columns = [column for name in row["columns"] if (column := table.column(name)) is not None]
    return ForeignKey(
        name=row["name"],
        table=table.label,
        columns=tuple(row["columns"]),
        parent=row["parent"],
        parent_columns=tuple(row["others"]),
        nullable=(all if row["full"] else any)(not column.not_null for column in columns),
        full=row["full"],
    )


def _place(table: MaskTable, column: str) -> tuple[str, str, str]:
    return table.schema, table.name, column


def _virtual(
    reference: Reference, tables: Mapping[str, MaskTable], path: Sequence[str], file: str | None
) -> ForeignKey:
    child, column = _column(reference.source, tables, path, file)
    parent, other = _column(reference.to, tables, path, file)
    found = child.column(column)
    assert found is not None
    return ForeignKey(
        name=f"{reference.source} -> {reference.to}",
        table=child.label,
        columns=(column,),
        parent=parent.label,
        parent_columns=(other,),
        nullable=not found.not_null,
        virtual=True,
        when=reference.when,
    )


def _column(
    written: str, tables: Mapping[str, MaskTable], path: Sequence[str], file: str | None
) -> tuple[MaskTable, str]:
    *where, column = split_name(written)
    schemas = [where[0]] if len(where) == 2 else list(path)
    for schema in schemas if where else []:
        table = tables.get(f"{schema}.{where[-1]}")
        if table is not None and table.column(column) is not None:
            return table, column
    raise ConfigError(
        f"'references': there is no column {written!r}", file=file, hint="write table.column, or schema.table.column"
    )
