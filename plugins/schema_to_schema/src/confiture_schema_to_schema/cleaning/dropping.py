"""Fences and tables of the tool itself, dropped from one side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.config.project import MigrationsConfig
from confiture.loading import Phase, altering
from confiture.quoting import quote_ident
from confiture_schema_to_schema.copying.ddl import RUNS
from confiture_schema_to_schema.crossing.fencing import FENCE

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["drop_fences", "forget_runs"]

_FENCES = """
SELECT n.nspname::text AS schema, c.relname::text AS name, c.oid
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE t.tgname = $1 AND NOT t.tgisinternal ORDER BY 1, 2
"""
# That of the runs last: others refer to its rows.
_TABLES = """
SELECT c.relname::text AS name,
       EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'run_id'
                  AND NOT a.attisdropped) AS by_run
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relkind = 'r' AND pg_catalog.starts_with(c.relname::text, 'confiture_move')
 ORDER BY c.relname = $2, c.relname
"""
#: One that somebody else made, for this role, stays.
_EMPTY_AND_OURS = """
SELECT pg_catalog.starts_with(n.nspname::text, 'confiture') AND pg_catalog.pg_has_role(n.nspowner, 'USAGE')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.refclassid = 'pg_catalog.pg_namespace'::regclass AND d.refobjid = n.oid)
  FROM pg_catalog.pg_namespace n WHERE n.nspname = $1
"""


async def drop_fences(ctx: Context, side: Target) -> list[str]:
    """All that closed its tables; what was dropped. Raises ``Busy`` naming who holds a table."""
    removed: list[str] = []
    async with ctx.connect(side) as connection:
        for row in await connection.fetch(_FENCES, FENCE):
            table = f"{quote_ident(row['schema'])}.{quote_ident(row['name'])}"
            # One by one: who reads another table goes on.
            async with altering(ctx, side, connection) as watched:
                watched.append(row["oid"])
                await connection.execute(f"DROP TRIGGER {FENCE} ON {table}")
            removed.append(f"trigger {FENCE} on {table}")
        schema = quote_ident(ctx.settings("migrations", MigrationsConfig).schema)
        if await connection.fetchval("SELECT pg_catalog.to_regprocedure($1)", f"{schema}.{FENCE}()") is not None:
            await connection.execute(f"DROP FUNCTION {schema}.{FENCE}()")
            removed.append(f"function {schema}.{FENCE}")
    return removed


async def forget_runs(ctx: Context, connection: Connection, runs: Sequence[str]) -> list[str]:
    """Delete what is kept of ``runs``, and drop the tables in which nothing is left; what was dropped.

    In one transaction. Tables have rows of other migrations where this database is a side of several.
    """
    schema = ctx.settings("migrations", MigrationsConfig).schema
    removed: list[str] = []
    async with ctx.transaction(connection):
        empty: list[str] = []
        for row in await connection.fetch(_TABLES, schema, RUNS):
            table = f"{quote_ident(schema)}.{quote_ident(row['name'])}"
            if row["by_run"]:
                await connection.execute(f"DELETE FROM {table} WHERE run_id = ANY ($1::text[])", list(runs))
            else:  # what was taken off tables: it is back, and that there was a run is all that is left
                await connection.execute(f"DELETE FROM {table} WHERE phase = $1", int(Phase.RUN))
            if not await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table})"):
                empty.append(table)
        if empty:  # in one statement, since some refer to others
            await connection.execute(f"DROP TABLE {', '.join(empty)}")
            removed += [f"table {table}" for table in sorted(empty)]
        if await connection.fetchval(_EMPTY_AND_OURS, schema):
            await connection.execute(f"DROP SCHEMA {quote_ident(schema)}")
            removed.append(f"schema {quote_ident(schema)}")
    return removed
