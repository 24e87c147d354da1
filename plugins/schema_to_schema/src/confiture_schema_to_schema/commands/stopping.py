"""Ctrl-C and SIGTERM as the usual end of what runs until somebody stops it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from confiture_schema_to_schema.following.stopping import STOP

__all__ = ["until_stopped"]


@contextmanager
def until_stopped() -> Iterator[None]:
    """At the first signal, who follows in the block ends that.

    The clean-up runs to its end: a second signal is answered with a line, a third one leaves at once.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    received = 0
    scope = anyio.CancelScope()

    def stop(number: signal.Signals) -> None:
        nonlocal received
        received += 1
        if received == 1:
            scope.cancel()
        elif received == 2:
            sys.stderr.write("cleaning up; once more to leave at once\n")
        else:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in numbers:
        loop.add_signal_handler(number, stop, number)
    token = STOP.set(scope)
    try:
        yield
    finally:
        STOP.reset(token)
        for number in numbers:
            loop.remove_signal_handler(number)
