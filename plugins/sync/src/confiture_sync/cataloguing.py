"""Reads which tables a database has, and what leads from one to the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from confiture.errors import ConfigError, Refused
from confiture.masking import MaskTable
from confiture.masking.reading import read_tables
from confiture.masking.rules import split_name
from confiture.registry import closest
from confiture_sync.spelling import written
from confiture_sync.values import Catalog, ForeignKey, SyncTable

if TYPE_CHECKING:
    from confiture.protocols import Connection
    from confiture_sync.configuring import Reference

__all__ = ["read_catalog"]

# Partitions are read through their root. What an extension owns comes with the extension, save for tables that it
# says are the user's data (extconfig). pg_table_size is without indexes, which are not copied. Rows are as the
# planner estimates them: the last density times today's pages; of a table that nobody has looked at some sixty a page.
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
  FROM (SELECT tree.root, coalesce(sum(
                   CASE WHEN c.reltuples >= 0 AND c.relpages > 0 THEN c.reltuples / c.relpages * size.pages
                        ELSE size.pages * 60 END), 0)::bigint AS rows,
               coalesce(sum(pg_catalog.pg_table_size(c.oid)), 0)::bigint AS bytes
          FROM tree LEFT JOIN pg_catalog.pg_class c ON c.oid = tree.oid AND c.relkind = 'r'
          LEFT JOIN LATERAL (SELECT pg_catalog.pg_relation_size(c.oid)
                                    / pg_catalog.current_setting('block_size')::bigint AS pages) AS size ON true
         GROUP BY tree.root) AS sums
  JOIN pg_catalog.pg_class r ON r.oid = sums.root JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
 ORDER BY 2, 3
"""
# conparentid: the foreign keys that partitions have from their root, and those to each partition of a parent. One that
# only a partition has, or that leads to a partition, is its root's: for the rows of that partition only.
_FOREIGN_KEYS = """
SELECT k.conname::text AS name, r.child AS oid, k.confmatchtype = 'f' AS full,
       fn.nspname || '.' || fc.relname AS parent,
       CASE WHEN r.child <> k.conrelid
            THEN pg_catalog.format('tableoid = %L::pg_catalog.regclass',
                                   pg_catalog.format('%I.%I', pn.nspname, pc.relname))
       END AS only,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u(n, o)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.o) AS columns,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY u(n, o)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n ORDER BY u.o) AS others
  FROM pg_catalog.pg_constraint k
 CROSS JOIN LATERAL (SELECT coalesce(pg_catalog.pg_partition_root(k.conrelid)::oid, k.conrelid) AS child,
                            coalesce(pg_catalog.pg_partition_root(k.confrelid)::oid, k.confrelid) AS parent) r
  JOIN pg_catalog.pg_class fc ON fc.oid = r.parent JOIN pg_catalog.pg_namespace fn ON fn.oid = fc.relnamespace
  JOIN pg_catalog.pg_class pc ON pc.oid = k.conrelid JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace
 WHERE k.contype = 'f' AND k.conparentid = 0 AND r.child = ANY($1::oid[]) ORDER BY k.conname, k.oid
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
    if len(by_label) < len(masks):  # "a.b"."c" and "a"."b.c"
        twice = next(mask.label for mask in masks if by_label[mask.label] is not mask)
        raise Refused(
            f"two tables are both called {twice!r}", hint="rename one: the dots in their names tell them apart"
        )
    virtual = [_virtual(reference, by_label, path, file) for reference in references]
    if known := _known(virtual, by_label):  # once more: the domains of columns follow from them
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
        when=row["only"],
    )


def _place(table: MaskTable, column: str) -> tuple[str, str, str]:
    return table.schema, table.name, column


def _known(virtual: Sequence[ForeignKey], tables: Mapping[str, MaskTable]) -> Mapping[Any, Any]:
    """Where columns lead to, by their places. One that leads to two tables takes over the mask of neither."""
    found: dict[Any, set[Any]] = {}
    for key in virtual:
        parent = _place(tables[key.parent], key.parent_columns[0])
        found.setdefault(_place(tables[key.table], key.columns[0]), set()).add(parent)
    return {child: next(iter(parents)) for child, parents in found.items() if len(parents) == 1}


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
    written_: str, tables: Mapping[str, MaskTable], path: Sequence[str], file: str | None
) -> tuple[MaskTable, str]:
    *where, column = split_name(written_)
    schemas = [where[0]] if len(where) == 2 else list(path)
    for schema in schemas if where else []:
        table = tables.get(f"{schema}.{where[-1]}")
        if table is not None and table.column(column) is not None:
            return table, column
    known = {written(table, path, each.name): None for table in tables.values() for each in table.columns}
    near = closest(written_, known)
    raise ConfigError(
        f"'references': there is no column {written_!r}",
        file=file,
        hint=(f"did you mean {near}? " if near else "") + "write table.column, or schema.table.column",
    )
