"""Cancels a piece of work at its n-th await, for every n."""

from __future__ import annotations

import types
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio


@types.coroutine
def _cancel_at(awaitable: Awaitable[Any], number: int, scope: anyio.CancelScope):
    steps = awaitable.__await__()
    count, send, value = 0, steps.send, None
    while True:
        try:
            waits_for = send(value)
        except StopIteration as end:
            return end.value
        count += 1
        if count == number:
            scope.cancel()
        try:
            value, send = (yield waits_for), steps.send
        except BaseException as error:
            value, send = error, steps.throw


async def at_every_await(work: Callable[[], Awaitable[Any]], *, limit: int = 400) -> AsyncIterator[int]:
    """Run ``work`` again and again, cancelled at its first await, its second, ...; yields after each time.

    Ends when the work is done before it is cancelled.
    """
    for number in range(1, limit):
        with anyio.CancelScope() as scope:
            await _cancel_at(work(), number, scope)
        yield number
        if not scope.cancel_called:
            return
    raise AssertionError(f"the work has more than {limit} awaits")


async def cancelled_at(work: Callable[[], Awaitable[Any]], number: int) -> bool:
    """Run ``work``, cancelled at its await of that number; whether it came so far."""
    with anyio.CancelScope() as scope:
        await _cancel_at(work(), number, scope)
    return scope.cancel_called
