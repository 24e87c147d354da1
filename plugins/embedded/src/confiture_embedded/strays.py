"""Servers that are not where they were started: their folder was removed or moved while they ran.

PostgreSQL removes its socket by name when it ends. By then a new server may have a socket of the same name, which
would be gone with it: "no such file", from a server that runs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from confiture_embedded.layout import Home

__all__ = ["end_strays", "has_anothers_socket"]

#: An immediate shutdown kills its backends after 5 seconds.
_QUIT_S = 8.0
_POLL_S = 0.003


def end_strays(home: Home) -> None:
    """End the server whose data folder was here and was removed. Before the new one has a socket.

    It would notice by itself, within a minute (``RecheckDataDirLockFile``), in the life of the new server.
    """
    pids = _strays(home)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGQUIT)  # there is nothing to write a checkpoint to
    deadline = time.monotonic() + _QUIT_S
    while pids and (pids := _strays(home)):
        if time.monotonic() > deadline:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            return
        time.sleep(_POLL_S)


def _strays(home: Home) -> list[int]:
    """The processes of PostgreSQL that work in the removed folder; none where there is no ``/proc``."""
    gone = f"{home.data.resolve()} (deleted)"
    found = []
    with contextlib.suppress(FileNotFoundError):
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if str((entry / "cwd").readlink()) == gone:
                        found.append(int(entry.name))
    return found


def has_anothers_socket(socket_file: str, pid: int) -> bool:
    """Whether the name of that server's socket belongs to another server by now, as the lock file beside it says."""
    try:
        with Path(f"{socket_file}.lock").open() as file:
            return int(file.readline()) != pid
    except (OSError, ValueError):
        return False
