"""A server whose WAL tells of rows (``wal_level = logical``): the session's own keeps less."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pgserver
from confiture.config.dsn import to_uri
from confiture.model import Target
from conftest import run_psql

_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "logical",
    "max_wal_senders": "2",
    "max_replication_slots": "3",
    "max_connections": "40",
    "autovacuum": "off",
    "jit": "off",
    "timezone": "UTC",
}


_WAITING = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
#: Another version than the session's, where it is installed.
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


@contextmanager
def logical_server(*, older: bool = False) -> Iterator[Target]:
    """One of its own, gone afterwards; its database ``postgres``. ``older``: Debian's, where there is one."""
    pgserver.server_params()  # which has its programs copied where its user may run them
    copied = Path(os.environ[pgserver.SESSION_VARIABLE]) / "pginstall" / "bin"
    given = os.environ.get("CONFITURE_TEST_LOGICAL_BIN")
    programs = copied if copied.exists() else pgserver.binaries()
    if given or (older and DEBIAN_15.exists()):
        programs = Path(given or DEBIAN_15)
    # Before PostgreSQL 17, each poll waits for commits that were not waited for.
    settings = _SETTINGS | {"synchronous_commit": "local" if older else "off"}
    user = pgserver.unprivileged()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    folder = Path(tempfile.mkdtemp(prefix="logical", dir="/tmp"))
    folder.chmod(0o755)
    if user:
        shutil.chown(folder, user["user"], user["group"])

    def run(program: str, *arguments: object) -> None:
        command = [str(part) for part in (programs / program, "-D", folder / "data", *arguments)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(command, check=True, cwd="/", env=environment, **quiet, **user)

    try:
        run("initdb", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        options = " ".join(f"-c {name}={value}" for name, value in settings.items() if value)
        options += f" -c listen_addresses='' -c unix_socket_directories={folder}"
        run("pg_ctl", "-w", "-s", "-l", folder / "log", "-o", options, "start")
        yield Target(label="logical", params={"host": str(folder), "user": "postgres", "dbname": "postgres"})
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            run("pg_ctl", "-w", "-s", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def until_commits_wait(server: Target) -> None:
    """``synchronous_standby_names`` was set to who is not there: wait until commits wait for him.

    The server heeds it some time after the reload: a commit before that waits for nobody.
    """
    command = [pgserver.binaries() / "psql", "-XqAt", "-d", to_uri(server.params)]
    commits = "SET synchronous_commit = on;\nSELECT pg_logical_emit_message(true, 'x', '') \\watch 0.01\n"
    deadline = time.monotonic() + 60
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as psql:
        assert psql.stdin is not None
        psql.stdin.write(commits.encode())
        psql.stdin.flush()
        while run_psql(server, f"SELECT count(pg_terminate_backend(pid)) {_WAITING}") == "0":
            assert time.monotonic() < deadline, "no commit waits"
            time.sleep(0.01)
        psql.kill()
    while run_psql(server, f"SELECT count(*) {_WAITING}") != "0":
        assert time.monotonic() < deadline, "it does not end"
        time.sleep(0.01)
