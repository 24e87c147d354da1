"""``status --watch``: the same again and again, until nobody is at work any more."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
import msgspec

from confiture_schema_to_schema.commands.rendering.status import progress_line, status_lines

if TYPE_CHECKING:
    from confiture.cli.shell import Shell
    from confiture.run import Run
    from confiture_schema_to_schema.model import StatusReport, StatusRequest

__all__ = ["watched"]

_EVERY_S = 1.0
#: What stays free below the table on a terminal: the cursor's line.
_MARGIN = 2


async def watched(run: Run, shell: Shell, request: StatusRequest, again: Callable[[str], str]) -> None:
    """Show each change until the migration is done or nobody is at work on it. Ctrl-C ends it, too, as a success.

    ``again`` gives the command of a phase.
    """
    with _screen(shell, again) as show, anyio.CancelScope() as scope, _on_ctrl_c(scope.cancel):
        while True:
            report: StatusReport = await run.start("schema-to-schema-status", request)
            show(report)
            if not report.running:
                return
            await anyio.sleep(_EVERY_S)
    shell.note("the migration goes on; only the watching has ended")


@contextmanager
def _on_ctrl_c(stop: Callable[[], None]) -> Iterator[None]:
    """Here it is no interruption: what is watched is another process."""
    import asyncio

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


@contextmanager
def _screen(shell: Shell, again: Callable[[str], str]) -> Iterator[Callable[[StatusReport], None]]:
    """What shows a report: on a terminal in the place of the one before."""
    if shell.format == "json" or not sys.stdout.isatty():
        yield _lines(shell)
        return
    from rich.live import Live
    from rich.text import Text

    console = shell.console()
    with Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        yield lambda report: live.update(
            Text("\n".join(status_lines(report, again, most=console.height - _MARGIN))), refresh=True
        )


def _lines(shell: Shell) -> Callable[[StatusReport], None]:
    """A line for each change: times and rates alone are none."""
    last: list[StatusReport] = []

    def show(report: StatusReport) -> None:
        settled = msgspec.structs.replace(report, rows_per_second=None, bytes_per_second=None, eta_seconds=None)
        if report.following is not None:
            following = msgspec.structs.replace(report.following, lag_seconds=0.0, longest_lag_s=0.0, last_applied=None)
            settled = msgspec.structs.replace(settled, following=following)
        if last == [settled]:
            return
        last[:] = [settled]
        if shell.format == "json":
            shell.write(msgspec.json.encode(report).decode() + "\n")
        else:
            shell.write(progress_line(report) + "\n")
        sys.stdout.flush()

    return show
