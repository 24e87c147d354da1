"""Runs a plan over several connections, level by level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

import anyio

from confiture.model import Statement
from confiture.translate import collapse
from confiture_runner.batches import Segment, cut, segments, share
from confiture_runner.session import Session

__all__ = ["run_parallel"]

#: Levels with fewer statements than this for each connection are not worth the waiting for each other.
_LEAST_EACH = 2


async def run_parallel(
    sessions: Sequence[Session],
    statements: Sequence[Statement],
    closing: frozenset[int],
    done: Callable[[int], None],
) -> int:
    """Run all statements; the number of rows copied. ``done`` hears how many statements have run since.

    What changes the session runs on every connection, so that each statement finds the settings that it would find
    in order; what has no level runs alone, in order, on the first connection.
    """
    rows = 0
    for segment in segments(statements):
        if segment.session:
            rows += await _everywhere(sessions, statements, segment, done)
            continue
        for level in segment.levels:
            if segment.alone or len(level) < _LEAST_EACH * len(sessions):
                rows += await _in_order(sessions[0], statements, level, closing, done)
            else:
                rows += await _level(sessions, statements, level, closing, done)
    return rows


async def _everywhere(
    sessions: Sequence[Session], statements: Sequence[Statement], segment: Segment, done: Callable[[int], None]
) -> int:
    batch = next(cut(statements, segment.levels[0]))
    rows = 0
    for session in sessions:
        rows = await session.run(batch)
    done(1)
    return rows


async def _in_order(
    session: Session,
    statements: Sequence[Statement],
    numbers: Sequence[int],
    closing: frozenset[int],
    done: Callable[[int], None],
) -> int:
    rows = 0
    for batch in cut(statements, numbers, closing=closing):
        rows += await session.run(batch)
        done(len(batch.numbers))
    return rows


async def _level(
    sessions: Sequence[Session],
    statements: Sequence[Statement],
    numbers: Sequence[int],
    closing: frozenset[int],
    done: Callable[[int], None],
) -> int:
    """One level on all connections. What fails there runs again alone, in order, when the others are through.

    Statements that run at once can fail where each alone does not: deadlocks (40P01), two that write one catalog row
    (XX000 "tuple concurrently updated", 23505 on a catalog's index), temporary tables of another connection.
    """
    first, parts = share(statements, numbers, len(sessions))
    own = iter(list(cut(statements, first, closing=closing)))
    shared = iter([batch for part in parts for batch in cut(statements, part, closing=closing)])
    rows = 0
    failed: list[int] = []

    async def work(session: Session) -> None:
        nonlocal rows
        for batch in chain(own, shared) if session is sessions[0] else shared:
            copied = await session.try_run(batch)
            if copied is None:
                failed.extend(batch.numbers)
            else:
                rows += copied
                done(len(batch.numbers))

    try:
        async with anyio.create_task_group() as group:
            for session in sessions:
                group.start_soon(work, session)
    except BaseExceptionGroup as errors:
        raise collapse(errors) from errors
    for batch in cut(statements, sorted(failed), closing=closing, most=1):
        rows += await sessions[0].run(batch)
        done(1)
    return rows
