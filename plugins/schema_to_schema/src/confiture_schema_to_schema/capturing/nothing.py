"""What stands for a capture where no table has to be captured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.hooks import CAPTURE
from confiture.model import Backlog, Changes

if TYPE_CHECKING:
    from confiture.model import CapturedTable, CaptureFinding, Target
    from confiture.protocols import Capture, Connection, Context
    from confiture_schema_to_schema.capturing.values import Watch

__all__ = ["capture_of"]


def capture_of(ctx: Context, watch: Watch) -> Capture:
    """The provider of ``watch``, or one that touches nothing where there is no table."""
    return ctx.get(CAPTURE, watch.capture) if watch.tables else _Nothing()


class _Nothing:
    async def preflight(
        self, ctx: Context, source: Target, tables: Sequence[CapturedTable]
    ) -> Sequence[CaptureFinding]:
        return ()

    async def install(self, ctx: Context, source: Target, name: str, tables: Sequence[CapturedTable]) -> None:
        pass

    async def verify(self, ctx: Context, source: Target, name: str, tables: Sequence[CapturedTable]) -> None:
        pass

    async def poll(self, connection: Connection, name: str, *, limit: int | None = None) -> Changes:
        return Changes(rows={})

    async def guard(self, connection: Connection, name: str, changes: Changes) -> bool:
        return True

    async def ack(self, ctx: Context, source: Target, name: str, changes: Changes) -> None:
        pass

    async def backlog(self, connection: Connection, name: str) -> Backlog:
        return Backlog(entries=0, bytes=0, age_s=0.0)

    async def drained(self, connection: Connection, name: str) -> bool:
        return True

    async def uninstall(self, ctx: Context, source: Target, name: str) -> Sequence[str]:
        return ()
