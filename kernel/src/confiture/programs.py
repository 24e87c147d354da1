"""Runs a program that somebody wrote for a step of confiture's work: what it is told, for how long, what it says."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

import anyio
from anyio.abc import Process

from confiture.config.dsn import to_uri
from confiture.errors import ConfigError, ExecutionError
from confiture.model import Target
from confiture.redact import redact

__all__ = ["public_url", "run_program", "secrets_of"]

#: Of what a program that failed has said last.
_LINES = 10
_BYTES = 8192
#: Between the request to end and the kill.
_GRACE_S = 1.0
#: Keywords of a connection that must not stand in the environment of a program.
_SECRET = ("password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret")


def public_url(target: Target) -> str:
    """The database's URL without anything secret."""
    return to_uri({key: value for key, value in target.params.items() if key not in _SECRET})


def secrets_of(*targets: Target) -> list[str]:
    """What must not be seen of them."""
    return [target.params[key] for target in targets for key in _SECRET if target.params.get(key)]


async def run_program(
    argv: Sequence[str],
    *,
    folder: Path,
    variables: Mapping[str, str],
    within_s: float,
    secrets: Iterable[str] = (),
) -> None:
    """Run a program in ``folder``, with this process's environment and ``variables``, and wait for its end.

    It gets no input and a session of its own; it and what it started in it are killed where it takes too long or the
    call is cancelled. Raises ``ExecutionError`` with its last lines for another exit code than 0 or when ``within_s``
    seconds are over, ``ConfigError`` where it cannot be started.
    """
    name = argv[0]
    with tempfile.TemporaryFile() as said:  # not a pipe: what it leaves running in the background may hold that open
        try:
            process = await anyio.open_process(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, **variables},
                start_new_session=True,
            )
        except OSError as error:
            raise ConfigError(
                f"the program {name!r} cannot be run: {str(error.strerror).lower()}",
                hint="name a program that exists and may be run; a path is relative to the project",
            ) from error
        try:
            with anyio.move_on_after(within_s) as scope:
                await process.wait()
        finally:
            if process.returncode is None:
                await _kill(process)
        if scope.cancelled_caught:
            raise ExecutionError(
                f"the program {name!r} did not end within {within_s:g} s, and was killed",
                detail=_last(said, secrets),
                hint="see why it takes so long",
            )
        if process.returncode:
            raise ExecutionError(
                f"the program {name!r} failed with exit code {process.returncode}",
                detail=_last(said, secrets),
                hint="mend it, and see what it has done",
            )


async def _kill(process: Process) -> None:
    with anyio.CancelScope(shield=True):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with anyio.move_on_after(_GRACE_S):
                await process.wait()
                return


def _last(said: IO[bytes], secrets: Iterable[str]) -> str | None:
    said.seek(max(0, said.seek(0, os.SEEK_END) - _BYTES))
    lines = redact(said.read().decode("utf-8", "replace"), secrets).splitlines()
    return "\n".join(line for line in lines[-_LINES:] if line.strip()) or None
