"""What the roles of both sides may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.config.project import MigrationsConfig
from confiture.loading import read_parts
from confiture.quoting import quote_ident
from confiture_schema_to_schema.checking.asking import why
from confiture_schema_to_schema.model import Finding

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.values import Job

__all__ = ["check_reading", "check_target_role"]

#: Of tables that are not copied, whose foreign keys lead to those that are. Keys of partitions are their root's.
_OUTSIDE = """
SELECT DISTINCT n.nspname || '.' || c.relname AS label
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confrelid = ANY($1::oid[]) AND k.conrelid <> ALL($1::oid[])
   AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
 ORDER BY 1
"""
_MAY_KEEP_STATE = """
SELECT CASE WHEN pg_catalog.to_regnamespace($1) IS NULL
            THEN pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
            ELSE pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace($1)::oid, 'CREATE') END
"""


async def check_reading(ctx: Context, job: Job, source: Connection) -> list[Finding]:
    """Queries that the source would not run: nothing else needs these privileges, so nothing else is asked for."""
    import asyncpg

    found = []
    for table in job.tables:
        for part in table.parts:
            try:
                async with ctx.transaction(source):  # a savepoint
                    await source.fetch(f"EXPLAIN {part.query}")
            except (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
                raise
            except asyncpg.PostgresError as error:
                denied = isinstance(error, asyncpg.InsufficientPrivilegeError)
                hint = "write a query in the map that the old database runs"
                if denied:
                    hint = "GRANT SELECT on it to the role that reads the old database"
                    if "row-level security" in str(error):
                        hint = "read as a role that sees all rows: the tables' owner, or one with BYPASSRLS"
                found.append(
                    Finding(
                        level="error",
                        check="privilege" if denied else "check",
                        table=table.label,
                        message=f"the rows of {part.label!r} cannot be read: {why(error)}",
                        hint=hint,
                    )
                )
    return found


async def check_target_role(ctx: Context, job: Job, target: Connection) -> list[Finding]:
    """Whether it owns what it is to alter, and may keep its own tables."""
    parts = await read_parts(target, [table.table.sql for table in job.tables])
    strange = {part.label for part in parts if not part.owned}
    strange |= {row["label"] for row in await target.fetch(_OUTSIDE, [part.oid for part in parts])}
    found = [
        Finding(
            level="error",
            check="privilege",
            table=label,
            message=f"the role does not own {label!r}, whose indexes, foreign keys and triggers are in the way",
            hint="connect to the new database as the role that owns its tables, or be granted membership in it",
        )
        for label in sorted(strange)
    ]
    found += [
        Finding(
            level="error",
            check="engine",
            table=part.label,
            message=f"the partition {part.label!r} is a foreign table: rows would go to another server",
            hint="detach it for the time of the migration, or leave its table out (--tables)",
        )
        for part in parts
        if part.kind == "f"
    ]
    own = ctx.settings("migrations", MigrationsConfig).schema
    if not await target.fetchval(_MAY_KEEP_STATE, quote_ident(own)):
        found.append(
            Finding(
                level="error",
                check="privilege",
                table="",
                message=f"the role may not keep the migration's state in the schema {own!r} of the new database",
                hint=f"grant it CREATE on the database or on the schema {own!r}, or name another schema under "
                "[migrations] in confiture.toml",
            )
        )
    return found
