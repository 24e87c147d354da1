"""What a start leaves on the source: it is noted there, so that it is found when the new database is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confiture.config.project import MigrationsConfig
from confiture.errors import DatabaseNotFound, PermissionMissing, UnknownProvider
from confiture.hooks import CAPTURE
from confiture.quoting import quote_ident
from confiture.transfer import reading
from confiture_schema_to_schema.cleaning.dropping import forget_runs
from confiture_schema_to_schema.following.state import follow_state_of
from confiture_schema_to_schema.model import Finding

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.capturing import Watch
    from confiture_schema_to_schema.values import Job, Sides

__all__ = ["CAPTURES", "check_noting", "note_capture", "noted_captures", "remove_orphans"]

CAPTURES: Final = "confiture_move_captures"
_DDL = """
CREATE TABLE {name} (
    run_id text PRIMARY KEY, capture text NOT NULL, name text NOT NULL, target text NOT NULL,
    at timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp());
COMMENT ON TABLE {name} IS
    'What `confiture migrate schema-to-schema` captures here, and for which new database'
"""
#: The right that is missing to write it down. A table of somebody else's needs his.
_LACKING = """
SELECT current_user AS role,
       CASE WHEN n IS NULL THEN
                 CASE WHEN NOT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
                      THEN pg_catalog.format('CREATE ON DATABASE %I', pg_catalog.current_database()) END
            WHEN NOT pg_catalog.has_schema_privilege(n, 'USAGE') OR t IS NULL
                 AND NOT pg_catalog.has_schema_privilege(n, 'CREATE')
            THEN 'CREATE, USAGE ON SCHEMA ' || $1
            WHEN NOT (SELECT pg_catalog.bool_and(pg_catalog.has_table_privilege(t, each))
                        FROM pg_catalog.unnest(ARRAY['SELECT', 'INSERT', 'DELETE']) AS each)
            THEN 'SELECT, INSERT, DELETE ON ' || $2 END AS "right"
  FROM (SELECT pg_catalog.to_regnamespace($1)::oid AS n, pg_catalog.to_regclass($2)::oid AS t) AS own
"""


def _table(ctx: Context) -> str:
    return f"{quote_ident(ctx.settings('migrations', MigrationsConfig).schema)}.{CAPTURES}"


def _address(target: Target) -> str:
    """Where a database is, without who asks."""
    return f"{target.params.get('host', '')}:{target.params.get('port', '')}/{target.database}"


async def check_noting(ctx: Context, job: Job) -> tuple[Finding, ...]:
    """An error where ``note_capture`` would raise."""
    schema = ctx.settings("migrations", MigrationsConfig).schema
    async with reading(ctx, job.sides.source) as connection:
        lacking = await connection.fetchrow(_LACKING, quote_ident(schema), _table(ctx))
    if lacking["right"] is None:
        return ()
    return (
        Finding(
            level="error",
            check="capture",
            table="",
            message=f"the role {lacking['role']!r} may not keep in the schema {schema!r} of the old database what is "
            "captured there",
            hint=f"GRANT {lacking['right']} TO {quote_ident(lacking['role'])}",
        ),
    )


async def note_capture(ctx: Context, job: Job, watch: Watch) -> None:
    """Write it down on the source, before it is installed. Again is no error. Raises ``PermissionMissing``."""
    import asyncpg

    table, schema = _table(ctx), ctx.settings("migrations", MigrationsConfig).schema
    async with ctx.connect(job.sides.source) as connection:
        try:
            if await connection.fetchval("SELECT pg_catalog.to_regnamespace($1)", quote_ident(schema)) is None:
                await connection.execute(f"CREATE SCHEMA {quote_ident(schema)}")
            if await connection.fetchval("SELECT pg_catalog.to_regclass($1)", table) is None:
                await connection.execute(_DDL.format(name=table))
        except asyncpg.InsufficientPrivilegeError as error:
            raise PermissionMissing(
                f"the role may not make tables in the schema {schema!r} of the old database, where it is kept what is "
                f"captured there: {error.message}",
                hint=f"GRANT CREATE, USAGE ON SCHEMA {quote_ident(schema)} to it, or CREATE on the database",
                sqlstate=error.sqlstate,
            ) from None
        await connection.execute(
            f"INSERT INTO {table} (run_id, capture, name, target) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (run_id) DO NOTHING",
            job.run_id,
            watch.capture,
            watch.name,
            _address(job.sides.target),
        )


async def noted_captures(ctx: Context, connection: Connection, target: Target) -> dict[str, tuple[str, str]]:
    """By run, the capture's provider and its name: those for that new database. ``connection`` is to the source."""
    table = _table(ctx)
    if await connection.fetchval("SELECT pg_catalog.to_regclass($1)", table) is None:
        return {}
    rows = await connection.fetch(
        f"SELECT run_id, capture, name FROM {table} WHERE target = $1 ORDER BY at", _address(target)
    )
    return {row["run_id"]: (row["capture"], row["name"]) for row in rows}


async def remove_orphans(ctx: Context, sides: Sides) -> tuple[str, ...]:
    """Remove from the source what was left there by runs into a new database that is gone, or is another one by now.

    What was removed. Runs that the new database knows of are left alone, and so are those into other databases. The
    caller holds the migration's lock. Raises ``Busy`` for tables that others hold.
    """
    async with ctx.connect(sides.source) as connection:
        noted = await noted_captures(ctx, connection, sides.target)
    if not noted:
        return ()
    try:
        async with ctx.connect(sides.target) as connection:
            state = follow_state_of(ctx)
            gone = [run_id for run_id in noted if await state.read(connection, run_id) is None]
    except DatabaseNotFound:
        gone = list(noted)
    removed: list[str] = []
    for run_id in gone:
        capture, name = noted[run_id]
        try:
            removed += await ctx.get(CAPTURE, capture).uninstall(ctx, sides.source, name)
        except UnknownProvider:  # its plugin is gone: nobody could remove it
            continue
        async with ctx.connect(sides.source) as connection:
            removed += await forget_runs(ctx, connection, [run_id])
    return tuple(removed)
