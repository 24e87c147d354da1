"""What is looked at on the target before the first row, or before a run is gone on with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.errors import Refused

if TYPE_CHECKING:
    from confiture.protocols import Connection
    from confiture_schema_to_schema.values import Table

__all__ = ["end_orphans", "refuse_rows", "relation_of", "relids"]

#: So many tables are looked at by one statement.
_AT_ONCE = 100
# Who writes into the tables that are moved, with the name of the attempt that lost its lock: the server does not see
# that a process is gone while a statement of it runs, and one that was stopped (SIGSTOP) holds what it locked.
_ORPHANS = """
SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a
 WHERE a.datname = pg_catalog.current_database() AND a.usename = CURRENT_USER AND a.application_name = $1
   AND a.pid <> pg_catalog.pg_backend_pid()
   AND EXISTS (SELECT FROM pg_catalog.pg_locks l
                WHERE l.pid = a.pid AND l.locktype = 'relation' AND l.granted AND l.mode <> 'AccessShareLock'
                  AND (l.relation = ANY ($2::oid[]) AND l.mode <> 'RowShareLock'
                       OR l.relation = pg_catalog.to_regclass($3)))
"""


def relation_of(table: Table) -> str:
    """The table's own rows, as SQL: with those of its partitions, and not of what inherits from it."""
    return table.sql if table.partitioned else f"ONLY {table.sql}"


async def relids(connection: Connection, tables: Sequence[Table]) -> list[int]:
    """The tables' OIDs. Raises ``Refused`` naming those that are not there."""
    rows = await connection.fetch(
        "SELECT pg_catalog.to_regclass(t.sql)::oid AS relid FROM unnest($1::text[]) WITH ORDINALITY AS t(sql, number)"
        " ORDER BY t.number",
        [table.sql for table in tables],
    )
    found = [row["relid"] for row in rows]
    if missing := sorted({table.label for table, oid in zip(tables, found, strict=True) if oid is None}):
        raise Refused(
            f"tables of the new database are not there: {', '.join(missing)}",
            hint="somebody dropped them since they were looked at: run it again",
        )
    return found


async def refuse_rows(connection: Connection, tables: Sequence[Table]) -> None:
    """Raise ``Refused`` naming the tables that have rows: nobody could tell them from those copied."""
    # Rows that a policy hides would be taken for none.
    await connection.execute("SET LOCAL row_security = off")
    relations = list(dict.fromkeys(relation_of(table) for table in tables))
    labels = {relation_of(table): table.label for table in tables}
    occupied: list[str] = []
    for start in range(0, len(relations), _AT_ONCE):
        some = relations[start : start + _AT_ONCE]
        queries = [f"SELECT {number} AS number WHERE EXISTS (SELECT FROM {each})" for number, each in enumerate(some)]
        occupied += [labels[some[row["number"]]] for row in await connection.fetch(" UNION ALL ".join(queries))]
    if occupied:
        raise Refused(
            f"tables of the new database have rows already: {', '.join(sorted(occupied))}",
            hint="empty them, or leave them out with --tables: nothing is written into a table that is in use",
        )


async def end_orphans(connection: Connection, application: str, oids: Sequence[int], state: str) -> None:
    """End sessions of a former attempt that still write: it has lost its lock, and may not have seen it.

    ``oids`` are of the tables that it fills; ``state`` is the table, in SQL, that it writes how far it is to, or holds
    a row of.
    """
    await connection.fetch(_ORPHANS, application, list(oids), state)
