"""Whether the new database is there, and where its schema is until it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from confiture.config import Environment
from confiture.config.dsn import to_uri
from confiture.config.project import MigrationsConfig
from confiture.errors import DatabaseNotFound
from confiture_schema_to_schema.creating.scratch import open_scratch

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context
    from confiture_schema_to_schema.values import Sides

__all__ = ["create_target", "new_schema", "target_exists"]

# Neither what extensions bring nor confiture's own tables: a database with nothing else is one that can be built.
_HAS_TABLES = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
       AND NOT pg_catalog.starts_with(n.nspname::text, 'pg_') AND n.nspname <> 'information_schema'
       AND NOT (n.nspname = $1 AND pg_catalog.starts_with(c.relname::text, 'confiture_'))
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
             WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))
"""


async def target_exists(ctx: Context, target: Target) -> bool:
    """Whether the database is there."""
    try:
        async with ctx.connect(target):
            return True
    except DatabaseNotFound:
        return False


async def _has_tables(ctx: Context, target: Target) -> bool:
    own = ctx.settings("migrations", MigrationsConfig).schema
    try:
        async with ctx.connect(target) as connection:
            found: bool = await connection.fetchval(_HAS_TABLES, own)
    except DatabaseNotFound:
        return False
    return found


@asynccontextmanager
async def new_schema(ctx: Context, sides: Sides) -> AsyncIterator[tuple[Target, bool]]:
    """A database with the new schema, and whether it is the target itself: where that is not there (or has no table),
    a scratch database made from ``db/schema/``.

    Raises ``SourceError`` and ``StatementFailed`` with the place in the file, ``FeatureMissing`` for what the server of
    scratch databases lacks.
    """  # noqa: D205
    if await _has_tables(ctx, sides.target):
        yield sides.target, True
        return
    async with AsyncExitStack() as stack:
        yield await open_scratch(ctx, sides.target, stack), False


async def create_target(ctx: Context, sides: Sides) -> bool:
    """Build the new database from ``db/schema/`` where it is not there, or has no table; whether that was so.

    By the medium ``build``: it appears whole, or not at all. Seeds are not loaded, since the rows come from the old
    database. A protected environment is no obstacle: there is nothing that could be lost. Raises what ``build`` raises,
    ``DatabaseNotEmpty`` where there are other things than tables.
    """
    if await _has_tables(ctx, sides.target):
        return False
    environment: Environment | str
    if sides.environment is not None:
        environment = sides.environment
    else:
        url = to_uri(sides.target.params, password=True)
        environment = Environment(name=sides.target.label, database_url=url)
    # No template of it stays on the server: nobody builds it a second time.
    await ctx.start("build", environment=environment, seeds=False, cache=False)
    return True
