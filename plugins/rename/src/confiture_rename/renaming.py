"""Renames databases that clients are connected to, so that none of them gets to the wrong one meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio

from confiture.errors import Busy
from confiture.quoting import quote_ident
from confiture.translate import collapse
from confiture_rename.asking import sessions

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["rename"]

#: PostgreSQL itself waits for so long for the sessions of a database to leave.
_LOCK_TIMEOUT = "5s"
#: Between two looks at who is there: they are gone within a millisecond or two.
_AGAIN_S = 0.01


async def rename(ctx: Context, by: Target, names: Sequence[tuple[str, str]]) -> None:
    """Give each database its new name, in this order, all of them or none, and end the sessions of all.

    Raises ``Busy`` naming who does not leave. The statement takes the database's lock before it looks whether
    somebody is there, and waits for those to leave: clients that come meanwhile wait for the lock, and are then told
    that their database is gone, so that their next try is for the one that has the name now.
    """
    gone = [old for old, _ in names]
    over = anyio.Event()
    failure: Exception | None = None
    async with ctx.connect_maintenance(by) as runner, ctx.connect_maintenance(by) as ender:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_end_sessions, ender, gone, over)
                try:
                    await _rename(ctx, runner, names)
                except Exception as error:  # raised below, once the other connection rests
                    failure = error
                finally:
                    over.set()
        except BaseExceptionGroup as errors:
            raise collapse(errors) from errors
        if failure is not None:
            raise await _told(ender, gone, failure) from failure


async def _rename(ctx: Context, connection: Connection, names: Sequence[tuple[str, str]]) -> None:
    async with ctx.transaction(connection):
        await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
        for old, new in names:
            await connection.execute(f"ALTER DATABASE {quote_ident(old)} RENAME TO {quote_ident(new)}")


async def _end_sessions(connection: Connection, names: list[str], over: anyio.Event) -> None:
    while not over.is_set():
        pids = [session.pid for session in await sessions(connection, names) if session.can_be_ended]
        if pids:
            await connection.execute("SELECT pg_catalog.pg_terminate_backend(pid) FROM unnest($1::int[]) pid", pids)
        with anyio.move_on_after(_AGAIN_S):
            await over.wait()


async def _told(connection: Connection, names: list[str], failure: Exception) -> Exception:
    from asyncpg import LockNotAvailableError, ObjectInUseError

    if not isinstance(failure, (LockNotAvailableError, ObjectInUseError)):
        return failure
    there = [session for session in await sessions(connection, names) if not session.can_be_ended]
    return Busy(
        f"the databases {', '.join(map(repr, names))} could not be renamed: {failure.args[0]}",
        detail="\n".join(map(str, there)) or None,
        hint="end these sessions, then go on with `resume`" if there else "go on with `resume`",
        sqlstate=failure.sqlstate,
    )
