"""A medium in a process of its own, which ends or stops itself where it is told to.

It is forked from a process that has imported all there is: a kill does not cost an interpreter's start.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import anyio

from confiture.kernel import Kernel

__all__ = ["At", "Forked"]

#: An event: its step and its type; or its number, from the first row of a copy on.
At = tuple[str, str] | int
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        __name__,
        "anyio._backends._asyncio",
        "asyncpg",
        "confiture_copy.engine",
        "confiture_fdw.engine",
        "confiture_schema_to_schema.crossing.medium",
        "confiture_schema_to_schema.crossing.resuming",
        "confiture_schema_to_schema.following.medium",
        "confiture_schema_to_schema.medium",
        "confiture_triggers.capture",
        "postgast",
        "yaml",
    ]
)


class Forked:
    """A run of ``medium`` that has begun. ``at``: when it sends itself the signal; None: never."""

    def __init__(
        self, root: Path, medium: str, at: At | None = None, signal_name: str = "SIGKILL", **values: Any
    ) -> None:
        self._ours, theirs = _context.Pipe(duplex=False)
        self._process = _context.Process(target=_run, args=(theirs, str(root), medium, at, signal_name, values))
        self._process.start()
        theirs.close()
        self.pid = self._process.pid or 0
        self._stops = signal_name == "SIGSTOP"

    def there(self) -> None:
        """Wait until it sends itself the signal; and until it stands still, where that is SIGSTOP."""
        assert self._ours.poll(60), "it did not come to that"
        told = self._ours.recv()
        assert told == "there", told
        state = Path(f"/proc/{self.pid}/stat")
        while self._stops and state.exists() and state.read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)

    def go_on(self) -> None:
        """After SIGSTOP."""
        os.kill(self.pid, signal.SIGCONT)

    def end(self) -> str:
        """The signal's name that ended it, ``live: old`` of its report, or what was raised."""
        self._process.join(60)
        code = self._process.exitcode
        assert code is not None, "it does not end"
        if code < 0:
            return signal.Signals(-code).name
        told = ""
        while self._ours.poll():
            try:
                told = self._ours.recv()
            except EOFError:
                break
        return told

    def kill(self) -> None:
        """End it, wherever it is."""
        self._process.kill()
        self._process.join()


def _run(told: Connection, root: str, medium: str, at: At | None, signal_name: str, values: dict[str, Any]) -> None:
    # A shell has what it starts in the background ignore it, and we may have been started so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    seen = 0

    def see(event: object) -> None:
        nonlocal seen
        step = getattr(event, "step", "")
        seen += bool(seen) or step == "schema-to-schema.rows"
        if at in (seen, (step, type(event).__name__)):
            told.send("there")
            os.kill(os.getpid(), getattr(signal, signal_name))

    async def work() -> Any:
        async with Kernel(Path(root), observers=[see]).run(env="production") as run:
            return await run.start(medium, **values)

    try:
        told.send(f"live: {getattr(anyio.run(work), 'live', '')}")
    except Exception as error:
        told.send(f"{type(error).__name__}: {error}")
