"""The provider: each method is done by the module of its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.transfer import reading
from confiture_slot import installing, measuring, polling, preflight, removing, verifying
from confiture_slot.config import SECTION, SlotConfig

if TYPE_CHECKING:
    from confiture.model import Backlog, CapturedTable, CaptureFinding, Changes, Target
    from confiture.protocols import Connection, Context

__all__ = ["SlotCapture"]


class SlotCapture:
    """The server decodes changed keys from its WAL, for a publication. See ``confiture.protocols.Capture``."""

    async def preflight(
        self, ctx: Context, source: Target, tables: Sequence[CapturedTable]
    ) -> Sequence[CaptureFinding]:
        """The server's settings, privileges, kinds of tables, replica identities; nothing is changed."""
        async with reading(ctx, source) as connection:
            return await preflight.preflight(connection, tables, _config(ctx))

    async def install(self, ctx: Context, source: Target, name: str, tables: Sequence[CapturedTable]) -> None:
        """Have these tables captured, and no others; a table whose capture was broken is told as emptied."""
        await installing.install(ctx, source, name, tables, _config(ctx))

    async def verify(self, ctx: Context, source: Target, name: str, tables: Sequence[CapturedTable]) -> None:
        """The slot has all of the WAL; publication, replica identities, partitions and columns are as they were."""
        async with reading(ctx, source) as connection:
            await verifying.verify(connection, name, tables)

    async def poll(self, connection: Connection, name: str, *, limit: int | None = None) -> Changes:
        """Peek into the slot: of that, what the snapshot of ``connection`` sees."""
        return await polling.poll(connection, name, limit=limit)

    async def guard(self, connection: Connection, name: str, changes: Changes) -> bool:
        """Whether every transaction that was told is visible: the WAL has a commit before snapshots do."""
        return await polling.guard(connection, changes)

    async def ack(self, ctx: Context, source: Target, name: str, changes: Changes) -> None:
        """Advance the slot."""
        await polling.ack(ctx, source, name, changes)

    async def backlog(self, connection: Connection, name: str) -> Backlog:
        """The WAL that is not acknowledged, and how many changes are in it, or in its first part."""
        return await measuring.backlog(connection, name)

    async def drained(self, connection: Connection, name: str) -> bool:
        """Whether no change is in the WAL that is not acknowledged."""
        return await measuring.drained(connection, name)

    async def uninstall(self, ctx: Context, source: Target, name: str) -> Sequence[str]:
        """Drop slot and publication, and give tables back the replica identity that they had."""
        return await removing.uninstall(ctx, source, name, _config(ctx))


def _config(ctx: Context) -> SlotConfig:
    return ctx.settings(SECTION, SlotConfig)
