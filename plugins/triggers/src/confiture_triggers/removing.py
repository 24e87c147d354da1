"""Removing: each table's triggers and function in a transaction of its own, then the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.quoting import quote_ident
from confiture_triggers.catalog import read_triggers
from confiture_triggers.locking import with_short_locks
from confiture_triggers.naming import SCHEMA_COMMENT, Home, find_home
from confiture_triggers.verifying import Registered, read_registered

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context
    from confiture_triggers.config import TriggersConfig

__all__ = ["remove_table", "uninstall"]

#: A schema that somebody made for the captures, or put something into, stays.
_EMPTY_AND_OURS = """
SELECT pg_catalog.obj_description(n.oid, 'pg_namespace') = $2 AND pg_catalog.pg_has_role(n.nspowner, 'USAGE')
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.refclassid = 'pg_catalog.pg_namespace'::regclass AND d.refobjid = n.oid)
  FROM pg_catalog.pg_namespace n WHERE n.nspname = $1
"""


async def uninstall(ctx: Context, source: Target, name: str, config: TriggersConfig) -> list[str]:
    """Remove all of it, and say what it was. Raises ``Busy`` where a table is held for too long."""
    async with ctx.connect(source) as connection:
        home = await find_home(connection, name)
        if home is None:
            return []
        removed: list[str] = []
        for known in (await read_registered(connection, home)).values():
            removed += await remove_table(ctx, connection, home, known, config)
        async with ctx.transaction(connection):
            await connection.execute(f"DROP TABLE {home.log}; DROP TABLE {home.tables}")
            removed += [f"table {home.log}", f"table {home.tables}"]
            if await connection.fetchval(_EMPTY_AND_OURS, home.schema, SCHEMA_COMMENT):
                await connection.execute(f"DROP SCHEMA {quote_ident(home.schema)}")
                removed.append(f"schema {quote_ident(home.schema)}")
        return removed


async def remove_table(
    ctx: Context, connection: Connection, home: Home, known: Registered, config: TriggersConfig
) -> list[str]:
    """Capture the table no more, wherever it and its partitions are by now."""
    function = home.function(known.number)
    removed: list[str] = []

    async def work() -> None:
        removed.clear()
        for trigger in await read_triggers(connection, home.schema, home.function_name(known.number)):
            if not trigger.cloned:
                await connection.execute(f"DROP TRIGGER {quote_ident(trigger.name)} ON {trigger.table}")
                removed.append(f"trigger {quote_ident(trigger.name)} on {trigger.table}")
        if await connection.fetchval("SELECT pg_catalog.to_regprocedure($1)", f"{function}()") is not None:
            await connection.execute(f"DROP FUNCTION {function}()")
            removed.append(f"function {function}")
        await connection.execute(f"DELETE FROM {home.log} WHERE rel = $1", known.number)
        await connection.execute(f"DELETE FROM {home.tables} WHERE number = $1", known.number)

    await with_short_locks(ctx, connection, config, (known.label, known.relation), work, readers=True)
    return removed
