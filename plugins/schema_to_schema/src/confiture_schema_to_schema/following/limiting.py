"""The log of changes grows on the disk of a server that is in use: how far is for its owner to say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import anyio

from confiture.errors import CaptureBroken, ConfitureError
from confiture.sides import shown_side
from confiture.translate import collapse, translate
from confiture_schema_to_schema.capturing import capture_of, explained
from confiture_schema_to_schema.configuring import SECTION, SchemaToSchemaConfig

if TYPE_CHECKING:
    from confiture.model import Backlog
    from confiture.protocols import Context
    from confiture_schema_to_schema.capturing import Watch
    from confiture_schema_to_schema.values import Job

__all__ = ["check_log", "watching_log"]

_LOOK_EVERY_S: Final = 5.0
_MB: Final = 1 << 20


async def check_log(ctx: Context, job: Job, watch: Watch, backlog: Backlog) -> None:
    """Take the capture away where more waits than ``max_log_mb``, and raise ``CaptureBroken``.

    ``Busy`` where a table is held: the log is there then, and grows.
    """
    most = ctx.settings(SECTION, SchemaToSchemaConfig).max_log_mb
    if most is None or backlog.bytes <= most * _MB:
        return
    await capture_of(ctx, watch).uninstall(ctx, job.sides.source, watch.name)
    log = f"{backlog.bytes / _MB:,.1f} MB of log"
    with explained(job, watch):
        raise CaptureBroken(
            f"{backlog.entries:,} changes of {shown_side(job.sides.source)!r} wait, {log}"
            f" (max_log_mb is {most:g}): what logs them was removed, so that its disk does not get full"
        )


@asynccontextmanager
async def watching_log(ctx: Context, job: Job, watch: Watch | None) -> AsyncIterator[None]:
    """Look at the log now and then, while the block copies, which may take days: see :func:`check_log`."""
    if watch is None or ctx.settings(SECTION, SchemaToSchemaConfig).max_log_mb is None:
        yield
        return
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_watch, ctx, job, watch)
            yield
            group.cancel_scope.cancel()
    except BaseExceptionGroup as errors:  # what the block raises must come out as it is
        raise collapse(errors) from None


async def _watch(ctx: Context, job: Job, watch: Watch) -> None:
    while True:
        await anyio.sleep(_LOOK_EVERY_S)
        try:
            async with ctx.connect(job.sides.source) as connection:
                backlog = await capture_of(ctx, watch).backlog(connection, watch.name)
        except Exception as error:  # the copy has more to say of a server that is away
            if not isinstance(translate(error), ConfitureError):
                raise
            continue
        await check_log(ctx, job, watch, backlog)
