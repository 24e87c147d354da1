"""Some workers at once, of which the first that fails ends the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from typing import Any

import anyio

from confiture.translate import collapse

__all__ = ["run_workers", "worker_count"]

#: More sessions than this gain little on one pair of servers, and are felt by whoever else uses the source.
_MOST = 4


def worker_count(jobs: int | None) -> int:
    """How many workers: what was asked for, else as many as this machine has processors, four at most."""
    return max(jobs, 1) if jobs is not None else min(_MOST, os.cpu_count() or 1)


async def run_workers(jobs: int | None, tasks: int, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """``work`` in as many workers as there are ``jobs``, but no more than ``tasks``.

    What the first one raises comes out as it is, when all have ended.
    """
    try:
        async with anyio.create_task_group() as group:
            for _ in range(min(worker_count(jobs), tasks)):
                group.start_soon(work)
    except BaseExceptionGroup as errors:
        failure = collapse(errors)
    else:
        return
    raise failure  # out of the handler, so that it has no group as its context
