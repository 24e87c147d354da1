"""Several sessions of the target at once, each with one thing to do after the other."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import anyio

from confiture.translate import collapse

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["default_jobs", "side_by_side"]

T = TypeVar("T")
#: More sessions than that gain nothing but locks that they wait for, on any machine that was measured.
_MOST_JOBS = 4


def default_jobs(jobs: int | None) -> int:
    """How many sessions at once: what was asked for, else as many as this machine has processors, at most four."""
    return jobs or min(_MOST_JOBS, os.cpu_count() or 1)


async def side_by_side(
    ctx: Context, target: Target, jobs: int, work: Sequence[T], do: Callable[[Connection, T], Awaitable[None]]
) -> None:
    """``do`` each of ``work``, in its order, in ``jobs`` sessions. What one raises stops the others."""
    waiting = iter(work)
    if not work:
        return
    try:
        async with anyio.create_task_group() as group:
            for _ in range(min(jobs, len(work))):
                group.start_soon(_worker, ctx, target, waiting, do)
    except BaseExceptionGroup as errors:
        failure = collapse(errors)
    else:
        return
    raise failure


async def _worker(
    ctx: Context, target: Target, waiting: Iterator[T], do: Callable[[Connection, T], Awaitable[None]]
) -> None:
    async with ctx.connect(target) as connection:
        for each in waiting:
            await do(connection, each)
