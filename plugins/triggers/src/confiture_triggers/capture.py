"""The provider: each method is done by the module of its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from confiture.transfer import reading
from confiture_triggers import installing, polling, preflight, removing, verifying
from confiture_triggers.config import SECTION, TriggersConfig

if TYPE_CHECKING:
    from confiture.model import Backlog, CapturedTable, CaptureFinding, Changes, Target
    from confiture.protocols import Connection, Context

__all__ = ["TriggerCapture"]


class TriggerCapture:
    """Row triggers log what the captured columns were and are. See ``confiture.protocols.CountingCapture``."""

    async def preflight(
        self, ctx: Context, source: Target, tables: Sequence[CapturedTable]
    ) -> Sequence[CaptureFinding]:
        """Privileges, kinds of tables, columns; nothing is changed."""
        async with reading(ctx, source) as connection:
            return await preflight.preflight(connection, _config(ctx).schema, tables)

    async def install(self, ctx: Context, source: Target, name: str, tables: Sequence[CapturedTable]) -> None:
        """Have these tables captured, and no others; a table whose capture was broken is told as emptied."""
        await installing.install(ctx, source, name, tables, _config(ctx))

    async def verify(self, ctx: Context, source: Target, name: str, tables: Sequence[CapturedTable]) -> None:
        """Every trigger is there and always fires; partitions, columns and their types are as they were."""
        async with reading(ctx, source) as connection:
            await verifying.verify(connection, name, tables)

    async def poll(self, connection: Connection, name: str, *, limit: int | None = None) -> Changes:
        """Read the log."""
        return await polling.poll(connection, name, limit=limit)

    async def guard(self, connection: Connection, name: str, changes: Changes) -> bool:
        """Always: a snapshot that sees an entry of the log sees the change that wrote it."""
        return True

    async def ack(self, ctx: Context, source: Target, name: str, changes: Changes) -> None:
        """Delete the entries that were read."""
        await polling.ack(ctx, source, name, changes)

    async def backlog(self, connection: Connection, name: str) -> Backlog:
        """Count the log, or a sample of it where it is large."""
        return await polling.backlog(connection, name)

    async def drained(self, connection: Connection, name: str) -> bool:
        """Whether the log is empty."""
        return await polling.drained(connection, name)

    async def tally(self, connection: Connection, name: str) -> Mapping[str, int]:
        """Count the log, table by table."""
        return await polling.tally(connection, name)

    async def uninstall(self, ctx: Context, source: Target, name: str) -> Sequence[str]:
        """Remove triggers, functions, the log, and the schema where it was made for it and is empty."""
        return await removing.uninstall(ctx, source, name, _config(ctx))


def _config(ctx: Context) -> TriggersConfig:
    return ctx.settings(SECTION, TriggersConfig)
