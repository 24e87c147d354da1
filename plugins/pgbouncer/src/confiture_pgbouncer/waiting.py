"""Pauses a database at the pooler and lets it go on, without the wait that a broken login would cost its clients.

PAUSE closes connections to the server, those too that are just being made. PgBouncer takes that for a login that has
failed, after which it tries none for ``server_login_retry``, 15 s by default: so long would clients wait after RESUME.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from confiture.quoting import quote_ident, quote_literal
from confiture_pgbouncer.console import ConsoleRefused
from confiture_pgbouncer.seeing import database_row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from confiture_pgbouncer.console import Ask

__all__ = ["pause", "resume"]

_Pool = dict[str, str | None]
#: For logins that are under way to end before the pause, and after it: they take milliseconds.
_LOGINS_S = 1.0
_AGAIN_S = 0.005
#: Connections to the server that have come to be.
_SERVERS = ("sv_active", "sv_idle", "sv_used", "sv_tested")
_RETRY = "server_login_retry"
_SOON = "0.05"
#: PgBouncer's words for a RESUME of what is not paused.
_NOT_PAUSED = "is not paused"


async def pause(ask: Ask, database: str) -> None:
    """PAUSE, which waits for the transactions that run; nothing where it is paused."""
    row = await database_row(ask, database)
    if row is not None and row.get("paused") == "1":
        return
    await _until(ask, database, lambda pools: not _count(pools, "sv_login"))
    await ask(f"PAUSE {quote_ident(database)}")


async def resume(ask: Ask, database: str) -> None:
    """RESUME, and see those served that wait; nothing where it is not paused."""
    async with _trying_soon(ask):
        try:
            await ask(f"RESUME {quote_ident(database)}")
        except ConsoleRefused as error:
            if _NOT_PAUSED not in error.message:
                raise
        else:
            # One login that has come through is enough: PgBouncer no longer thinks that the server is away.
            await _until(ask, database, lambda pools: not _count(pools, "cl_waiting") or _count(pools, *_SERVERS) > 0)


async def _until(ask: Ask, database: str, holds: Callable[[list[_Pool]], bool]) -> None:
    """Wait, not for long, until that can be said of its pools."""
    deadline = anyio.current_time() + _LOGINS_S
    while not holds([row for row in await ask("SHOW POOLS") if row["database"] == database]):
        if anyio.current_time() > deadline:
            return
        await anyio.sleep(_AGAIN_S)


def _count(pools: list[_Pool], *columns: str) -> int:
    return sum(int(row.get(column) or 0) for row in pools for column in columns)


@asynccontextmanager
async def _trying_soon(ask: Ask) -> AsyncIterator[None]:
    usual = next((row["value"] for row in await ask("SHOW CONFIG") if row["key"] == _RETRY), None)
    if usual is None:
        yield
        return
    await ask(f"SET {_RETRY} = {quote_literal(_SOON)}")
    try:
        yield
    finally:
        await ask(f"SET {_RETRY} = {quote_literal(usual)}")
