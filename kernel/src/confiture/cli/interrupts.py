"""Runs a command's coroutine so that Ctrl-C and SIGTERM stop it cleanly."""

from __future__ import annotations

import signal
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from confiture.errors import Interrupted

if TYPE_CHECKING:
    from confiture.cli.shell import Shell

__all__ = ["interrupted", "run_async"]


def interrupted(signal_name: str, detail: str | None = None, left_behind: str | None = None) -> Interrupted:
    """The error for a run that was stopped from outside. Exit code 130 for both signals.

    ``left_behind`` says what is there still, and how to go on; without it the work was taken back.
    """
    what = "interrupted by Ctrl-C" if signal_name == "SIGINT" else f"stopped by {signal_name}"
    hint = left_behind or (None if detail else "what was running was stopped and taken back")
    return Interrupted(what, hint=hint, detail=detail)


def run_async(coroutine: Coroutine[Any, Any, Any], shell: Shell | None = None) -> Any:
    """Run it to its end; what it returns. Raises ``Interrupted`` after the first SIGINT or SIGTERM.

    Its hint is what ``shell.left_behind`` says then.

    The first signal cancels through anyio, so that shielded clean-up (rollbacks, dropping a half-built database)
    runs to its end: asyncio's own handling would cut into it at the second Ctrl-C. A second signal is answered with a
    line, a third one leaves at once, for a server that does not answer any more.
    """
    import asyncio

    return asyncio.run(_supervised(coroutine, shell))


async def _supervised(coroutine: Coroutine[Any, Any, Any], shell: Shell | None) -> Any:
    import asyncio

    import anyio

    received: list[str] = []

    def stopped(detail: str | None = None) -> Interrupted:
        return interrupted(received[0] if received else "SIGINT", detail, shell.left_behind if shell else None)

    loop = asyncio.get_running_loop()
    with anyio.CancelScope() as scope:

        def stop(name: str) -> None:
            received.append(name)
            if len(received) == 1:
                scope.cancel()
            elif len(received) == 2:
                sys.stderr.write("cleaning up; once more to leave at once and leave things behind\n")
            else:
                # Back to what Ctrl-C and SIGTERM do by themselves, then again: the process ends here.
                number = getattr(signal, name)
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop, number.name)
        try:
            return await coroutine
        except BaseException as error:
            # Most often it failed because it was being stopped; the rest is an error of the clean-up: show both.
            if received and isinstance(error, Exception) and not isinstance(error, Interrupted):
                raise stopped(str(error)) from error
            raise
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
    raise stopped()
