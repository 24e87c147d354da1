"""Connections that a worker uses again: one transfer after the other, without logging in for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from confiture.model import Event, Target
    from confiture.protocols import Connection, Context

__all__ = ["KeptConnections", "keep_connections"]

_Place: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]


class KeptConnections:
    """A ``Context`` that is another one, save that its connections are kept; made by :func:`keep_connections`."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._idle: dict[_Place, list[Connection]] = {}
        self._opened: dict[Connection, AbstractAsyncContextManager[Connection]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)

    def emit(self, event: Event) -> None:
        """See ``Context.emit``."""
        self._ctx.emit(event)

    @asynccontextmanager
    async def connect(
        self, target: Target, *, database: str | None = None, settings: Mapping[str, str] | None = None
    ) -> AsyncIterator[Connection]:
        """See ``Context.connect``. One that is asked for with settings of its own is not kept."""
        if database is not None or settings:
            async with self._ctx.connect(target, database=database, settings=settings) as connection:
                yield connection
            return
        idle = self._idle.setdefault((target.label, tuple(sorted(target.params.items()))), [])
        kept = idle.pop() if idle else None
        if kept is not None and kept.is_closed():
            await self._close(kept)
            kept = None
        if kept is None:
            opening = self._ctx.connect(target)
            kept = await opening.__aenter__()
            self._opened[kept] = opening
        try:
            yield kept
        except BaseException:
            await self._close(kept)  # nobody knows in which state it is
            raise
        if kept.is_closed() or kept.is_in_transaction():
            await self._close(kept)
        else:
            idle.append(kept)

    async def _close(self, connection: Connection) -> None:
        await self._opened.pop(connection).__aexit__(None, None, None)

    async def aclose(self) -> None:
        """Close all of them."""
        for connection in tuple(self._opened):
            await self._close(connection)


@asynccontextmanager
async def keep_connections(ctx: Context, kept: KeptConnections | None = None) -> AsyncIterator[Context]:
    """``ctx`` with connections that are used again, until the block ends: for a task that makes many transfers.

    A connection goes back when the block of ``connect`` ends well and its transaction is over; what was set for the
    session stays set. A login takes longer than the rest of a small table's transfer. ``kept`` is one's own kind of it.
    """
    kept = kept or KeptConnections(ctx)
    try:
        yield cast("Context", kept)
    finally:
        await kept.aclose()
