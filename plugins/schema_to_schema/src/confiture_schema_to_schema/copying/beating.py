"""Signs of life: how others know that a run is at work, and how it knows that it no longer should be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from confiture.errors import Busy, ConfitureError
from confiture.sides import shown_side
from confiture.translate import collapse, translate

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.copying.state import State
    from confiture_schema_to_schema.values import Job

__all__ = ["BEAT_S", "beating", "taken_over"]

#: Often enough for a person who watches; a statement on one row.
BEAT_S = 1.0


def taken_over(job: Job) -> Busy:
    """The error of an attempt that is no longer the one that goes on."""
    return Busy(
        f"another process goes on with this migration into {shown_side(job.sides.target)!r}, or has ended it",
        hint="what this one copied is kept where it is complete: see to the other one",
    )


@asynccontextmanager
async def beating(
    ctx: Context, job: Job, state: State, attempt: int, told: Callable[[], dict[str, Any]] = dict
) -> AsyncIterator[None]:
    """Write a sign of life each second, with what ``told`` gives for columns of the run, until the block ends.

    Where another attempt has taken over, the block is cancelled and ``Busy`` raised: the fence of the chunks is of no
    use to what is not one of them, an index that is being built say. A target that does not answer is not this one's
    to complain of.
    """
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_beat, ctx, job, state, attempt, told)
            yield
            group.cancel_scope.cancel()
    except BaseExceptionGroup as errors:  # what the block raises must come out as it is
        raise collapse(errors) from None


async def _beat(ctx: Context, job: Job, state: State, attempt: int, told: Callable[[], dict[str, Any]]) -> None:
    while True:
        try:
            async with ctx.connect(job.sides.target) as connection:
                while True:
                    await anyio.sleep(BEAT_S)
                    if not await state.change(connection, job.run_id, attempt, **told()):
                        raise taken_over(job)
        except Busy:
            raise
        except Exception as error:
            if not isinstance(translate(error), ConfitureError):
                raise
        await anyio.sleep(BEAT_S)
