"""Databases as wholes: whether they are there, clones, and the swap of names at the end of a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from confiture.errors import Busy, PermissionMissing
from confiture.quoting import quote_ident
from confiture.temporary import TEMPORARY_PREFIX

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["database_exists", "put_in_place"]

#: How often sessions of the old database are ended while the rename waits for them to be gone.
_END_SESSIONS_EVERY_S = 0.05
#: ALTER DATABASE ... RENAME itself waits 5 s for other sessions (CountOtherDBBackends), so this is about 15 s.
_RENAME_TRIES = 3


async def database_exists(connection: Connection, name: str) -> bool:
    """Whether the server has a database of that name."""
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name))


async def put_in_place(ctx: Context, maintenance: Connection, built: str, name: str, run_id: str) -> bool:
    """Give the database ``built`` its ``name``; whether one of that name was replaced.

    Both names change in one transaction, so that there is always a database of that name, old or new, whole. The old
    one is dropped only afterwards; under its temporary name a killed run's successor finds and drops it.

    The rename takes the database's lock before it waits for sessions to be gone, so that none can arrive; those
    that are there are ended meanwhile. Raises ``Busy`` when some do not go.
    """
    if not await database_exists(maintenance, name):
        await maintenance.execute(f"ALTER DATABASE {quote_ident(built)} RENAME TO {quote_ident(name)}")
        return False
    old = f"{TEMPORARY_PREFIX}old_{run_id}_{built[-6:]}"
    for attempt in range(_RENAME_TRIES):
        if await _swap(ctx, maintenance, built, name, old):
            break
        if attempt == _RENAME_TRIES - 1:
            raise Busy(
                f"sessions of the database {name!r} do not end",
                hint="stop what is connected to it, or what holds it (a prepared transaction), and build again",
            )
    with anyio.CancelScope(shield=True):
        await maintenance.execute(f"DROP DATABASE IF EXISTS {quote_ident(old)} WITH (FORCE)")
    return True


async def _swap(ctx: Context, maintenance: Connection, built: str, name: str, old: str) -> bool:
    import asyncpg

    async def end_sessions() -> None:
        # On a connection of its own: the other one waits inside of the rename.
        async with ctx.connect_maintenance(target) as other:
            while True:
                await other.fetch(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = $1 AND pid <> pg_backend_pid()",
                    name,
                )
                await anyio.sleep(_END_SESSIONS_EVERY_S)

    target = await ctx.target()
    swapped = False
    async with anyio.create_task_group() as group:
        group.start_soon(end_sessions)
        try:
            async with ctx.transaction(maintenance):
                await maintenance.execute(f"ALTER DATABASE {quote_ident(name)} RENAME TO {quote_ident(old)}")
                await maintenance.execute(f"ALTER DATABASE {quote_ident(built)} RENAME TO {quote_ident(name)}")
            swapped = True
        except asyncpg.ObjectInUseError:
            pass
        except asyncpg.InsufficientPrivilegeError as error:
            raise PermissionMissing(
                f"the role may not replace the database {name!r}: {error.message}",
                hint="it must own the database and have CREATEDB",
                sqlstate=error.sqlstate,
            ) from error
        finally:
            group.cancel_scope.cancel()
    return swapped
