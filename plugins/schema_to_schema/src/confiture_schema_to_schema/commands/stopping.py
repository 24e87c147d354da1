"""Ctrl-C and SIGTERM as the usual end of what runs until somebody stops it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

__all__ = ["until_stopped"]


@contextmanager
def until_stopped() -> Iterator[None]:
    """At the first signal what is in the block is cancelled, and what comes after it goes on.

    The clean-up runs to its end: a second signal is answered with a line, a third one leaves at once.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    received = 0
    with anyio.CancelScope() as scope:

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
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)
