"""``confiture build --watch``: a process of its own, files that change."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from confiture.config.dsn import to_uri


def test_watch_builds_again_on_change_and_survives_mistakes(shop, absent, psql, tmp_path) -> None:
    """A mistake is shown and the old database stays; the next change mends it."""
    command = [
        sys.executable,
        "-m",
        "confiture",
        "build",
        "--watch",
        "--recreate",
        "--yes",
        "--project",
        str(shop.root),
    ]
    command += ["--database-url", to_uri(absent.params)]
    told = tmp_path / "stderr"
    with told.open("wb") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, env=dict(os.environ))
    try:
        _wait_for(lambda: "watching" in told.read_text())
        shop.schema("40.sql", "CREATE TABL nonsense;")
        _wait_for(lambda: "40.sql:1" in told.read_text())
        assert psql(absent, "SELECT count(*) FROM names") == "0"
        shop.schema("40.sql", "CREATE TABLE sense (a int);")
        _wait_for(lambda: _has_sense(psql, absent))
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
    assert process.returncode == 130


def _has_sense(psql, target) -> bool:
    try:
        return psql(target, "SELECT to_regclass('sense') IS NOT NULL") == "t"
    except AssertionError:  # psql was in the way of the swap, which ends sessions
        return False


def _wait_for(question, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.1)
