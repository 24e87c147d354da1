"""Databases that must not outlive a run: named so that they can be recognised, dropped at the end, or by the next run.

Each is guarded by an advisory lock of its name, held by the session that made it. A run that was killed loses its
session and so the lock: whoever can take the lock of such a name knows that its maker is gone.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import anyio

from confiture.errors import PermissionMissing, Refused
from confiture.locks import is_pooled, try_lock, unlock
from confiture.model import Logged, Target
from confiture.quoting import quote_ident

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["TEMPORARY_PREFIX", "copy_strategy", "guard_session", "sweep", "temporary_database"]

#: What every temporary database's name begins with; followed by its purpose and 12 random hexadecimal digits.
TEMPORARY_PREFIX = "confiture_tmp_"
_STRATEGY_SINCE: Final = 15


@asynccontextmanager
async def guard_session(ctx: Context, target: Target) -> AsyncIterator[Connection]:
    """A session that can guard temporary databases; what killed runs left has been dropped.

    Raises ``Refused`` through a transaction-mode pooler, where no session could hold a lock.
    """
    async with ctx.connect_maintenance(target) as guard:
        if await is_pooled(guard):
            raise Refused(
                f"{target.label!r} is reached through a transaction-mode pooler: nothing could guard a temporary "
                "database there",
                hint="connect to the server itself",
            )
        # Before this session guards anything: it could take the locks of its own databases once more.
        await sweep(ctx, guard)
        yield guard


@asynccontextmanager
async def temporary_database(
    ctx: Context, target: Target, purpose: str, *, template: str | None = None, guard: Connection | None = None
) -> AsyncIterator[tuple[Target, Connection]]:
    """A new database on the target's server, and the maintenance connection that guards it.

    A copy of the database ``template``, where that is given. ``guard``: from :func:`guard_session`, for several
    databases one after the other. The caller may rename the database away: then nothing is dropped. Raises
    ``PermissionMissing`` when the role may not create databases, ``Refused`` through a pooler.
    """
    if guard is None:
        async with guard_session(ctx, target) as own, _guarded(ctx, target, purpose, template, own) as made:
            yield made
    else:
        async with _guarded(ctx, target, purpose, template, guard) as made:
            yield made


@asynccontextmanager
async def _guarded(
    ctx: Context, target: Target, purpose: str, template: str | None, guard: Connection
) -> AsyncIterator[tuple[Target, Connection]]:
    import asyncpg

    name = f"{TEMPORARY_PREFIX}{purpose}_{secrets.token_hex(6)}"
    await try_lock(guard, name)
    try:
        try:
            copied = f"TEMPLATE {quote_ident(template)} " if template else ""
            await guard.execute(f"CREATE DATABASE {quote_ident(name)} {copied}{await copy_strategy(guard, target)}")
        except asyncpg.InsufficientPrivilegeError as error:
            raise PermissionMissing(
                f"the role {target.params.get('user', '')!r} may not create databases "
                f"on the server of {target.label!r}",
                hint="grant it CREATEDB, or create the empty database first",
                sqlstate=error.sqlstate,
            ) from error
        yield target.with_database(name), guard
    finally:
        # Also after a cancelled CREATE DATABASE, which may have come through.
        with anyio.CancelScope(shield=True), anyio.move_on_after(30):
            await _drop(ctx, target, guard, name)


async def copy_strategy(guard: Connection, target: Target) -> str:
    """The STRATEGY option of CREATE DATABASE that suits the server, or an empty string for its own choice.

    FILE_COPY takes a third of WAL_LOG's time (measured), but begins and ends with a checkpoint of the whole server,
    which costs nothing where nothing is synced, as on our own, and may cost a busy server of the user's much.
    """
    if guard.get_server_version().major < _STRATEGY_SINCE:
        return ""
    return "STRATEGY file_copy" if target.managed or await guard.fetchval("SHOW fsync") == "off" else ""


async def _drop(ctx: Context, target: Target, guard: Connection, name: str) -> None:
    statement = f"DROP DATABASE IF EXISTS {quote_ident(name)} WITH (FORCE)"
    try:
        await guard.execute(statement)
        await unlock(guard, name)
    except Exception:  # the guard's own connection may be what was lost; the next run's sweep is the last resort
        try:
            async with ctx.connect_maintenance(target) as other:
                await other.execute(statement)
        except Exception as error:
            ctx.emit(Logged(message="temporary database left behind", fields={"name": name, "error": str(error)}))


async def sweep(ctx: Context, guard: Connection) -> tuple[str, ...]:
    """Drop the temporary databases whose makers are gone; their names."""
    import asyncpg

    swept = []
    rows = await guard.fetch(
        "SELECT d.datname FROM pg_database d WHERE starts_with(d.datname, $1) AND pg_has_role(d.datdba, 'USAGE')",
        TEMPORARY_PREFIX,
    )
    for row in rows:
        name = row["datname"]
        if not await try_lock(guard, name):
            continue
        try:
            await guard.execute(f"DROP DATABASE IF EXISTS {quote_ident(name)} WITH (FORCE)")
            swept.append(name)
        except asyncpg.PostgresError as error:
            ctx.emit(Logged(message="cannot drop a temporary database", fields={"name": name, "error": str(error)}))
        finally:
            await unlock(guard, name)
    if swept:
        ctx.emit(Logged(message="dropped what killed runs left", fields={"databases": ", ".join(swept)}))
    return tuple(swept)
