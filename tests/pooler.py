"""A transaction-mode pooler, where pgbouncer is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import pgserver
from confiture.model import Target

PGBOUNCER = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")


@pytest.fixture
def pooled(database: Target) -> Iterator[Target]:
    """The test's database through a pgbouncer of its own."""
    with pooler(f"* = host={database.params['host']} user={database.params['user']}") as folder:
        yield Target(label="pooled", params={**database.params, "host": str(folder), "port": "6432"})


@contextmanager
def pooler(databases: str, settings: str = "") -> Iterator[Path]:
    """A pgbouncer with these lines; its folder, with its socket and ``pgbouncer.ini``. Skips where there is none."""
    if PGBOUNCER is None:
        pytest.skip("pgbouncer is not installed")
    # Not tmp_path: only its owner may enter that, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="pgb", dir="/tmp"))
    folder.chmod(0o777)
    file, log = folder / "pgbouncer.ini", folder / "log"
    file.write_text(
        f"[databases]\n{databases}\n"
        f"[pgbouncer]\nunix_socket_dir = {folder}\nlisten_addr =\nlisten_port = 6432\nauth_type = any\n"
        f"pool_mode = transaction\n{settings}\n"
    )
    with log.open("wb") as output:
        process = subprocess.Popen([PGBOUNCER, file], stdout=output, stderr=output, cwd="/", **pgserver.unprivileged())
    deadline = time.monotonic() + 20
    while not (folder / ".s.PGSQL.6432").exists():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
    try:
        yield folder
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)
