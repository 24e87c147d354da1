"""A transaction-mode pooler, where pgbouncer is installed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
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
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{databases}\n"
        f"[pgbouncer]\nunix_socket_dir = {folder}\nlisten_addr =\nlisten_port = 6432\nauth_type = any\n"
        f"pidfile = {folder}/pid\npool_mode = transaction\n{settings}\n"
    )
    try:
        with serving(folder):
            yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def serving(folder: Path) -> Iterator[None]:
    """The pgbouncer of that folder: also again, after it was killed."""
    assert PGBOUNCER is not None
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PGBOUNCER, folder / "pgbouncer.ini"], stdout=output, stderr=output, cwd="/", **pgserver.unprivileged()
        )
    deadline = time.monotonic() + 20
    pid = folder / "pid"
    while not (_answers(folder) and pid.exists() and pid.read_text()):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def shop_pooler(old: Target, settings: str = "") -> Iterator[Path]:
    """One for ``old``, by the name shop. To its console ``boss`` gives orders, and ``watcher`` looks."""
    line = f"shop = host={old.params['host']} dbname={old.database} user={old.params['user']} pool_size=5"
    with tempfile.NamedTemporaryFile("w", prefix="pgb", dir="/tmp") as users:
        users.write('"boss" ""\n"watcher" ""\n"app" ""\n')
        users.flush()
        Path(users.name).chmod(0o644)
        who = f"auth_type = trust\nauth_file = {users.name}\nadmin_users = boss\nstats_users = watcher"
        with pooler(line, f"{who}\n{settings}") as folder:
            yield folder


def shop_config(folder: Path) -> str:
    """What confiture is told of that one."""
    return (
        f'[pgbouncer]\nadmin = "host={folder} user=boss"\ndatabase = "shop"\nconfig_file = "{folder}/pgbouncer.ini"\n'
    )


def kill(folder: Path) -> None:
    """End it as a crash does; its socket stays."""
    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
    while _answers(folder):
        time.sleep(0.01)
    (folder / "pid").unlink()


def _answers(folder: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(folder / ".s.PGSQL.6432")) == 0
