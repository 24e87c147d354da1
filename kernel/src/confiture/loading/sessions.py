"""Several sessions of a target at once, each with one thing to do after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from confiture.transfer.workers import run_workers

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["side_by_side"]

T = TypeVar("T")


async def side_by_side(
    ctx: Context, target: Target, jobs: int, work: Sequence[T], do: Callable[[Connection, T], Awaitable[None]]
) -> None:
    """``do`` each of ``work``, in its order, in ``jobs`` sessions. What one raises stops the others."""
    waiting = iter(work)

    async def worker() -> None:
        async with ctx.connect(target) as connection:
            for each in waiting:
                await do(connection, each)

    await run_workers(jobs, len(work), worker)
