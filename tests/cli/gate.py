"""A place in a query where a copy waits until the test has seen it there."""

from __future__ import annotations

import subprocess
import time

from confiture.config.dsn import to_uri
from confiture.model import Target
from pgserver import binaries

#: What a function in PL/pgSQL passes through.
PASS = "PERFORM pg_advisory_lock_shared(42); PERFORM pg_advisory_unlock_shared(42);"


class Gate:
    """Holds the lock in a session of psql until :meth:`open`."""

    def __init__(self, target: Target, psql) -> None:
        self._target, self._psql = target, psql
        command = [str(binaries() / "psql"), "-XqAt", "-d", to_uri(target.params)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("SELECT 'held' FROM pg_advisory_lock(42);\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "held\n"

    def wait(self) -> None:
        """Until somebody waits for it."""
        waiting = """
            SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database
             WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
        """
        deadline = time.monotonic() + 60
        while self._psql(self._target, waiting) == "0":
            assert time.monotonic() < deadline, "nothing came to the gate"
            time.sleep(0.02)

    def open(self) -> None:
        """Let everybody through."""
        self._process.communicate()
