"""From nothing to a usable server, and the start of one that exists: whole processes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from bench.harness import Side, measure


def run(folder: Path) -> None:
    """``confiture server start`` with and without data."""
    root = folder / "server"
    (root / "db" / "schema").mkdir(parents=True)
    confiture = str(Path(sys.executable).with_name("confiture"))

    def call(*arguments: str) -> None:
        subprocess.run([confiture, *arguments], cwd=root, check=True, capture_output=True)

    def nothing() -> None:
        call("server", "stop")
        shutil.rmtree(root / ".confiture", ignore_errors=True)

    measure(
        "the embedded server, whole processes",
        [
            Side("running already: server start", lambda: call("server", "start"), lambda: call("server", "start")),
            Side("existing: server start", lambda: call("server", "start"), lambda: call("server", "stop")),
            Side("from nothing: server start", lambda: call("server", "start"), nothing),
        ],
        rounds=7,
    )
    call("server", "stop")
