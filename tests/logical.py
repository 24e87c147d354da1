"""A server whose WAL tells of rows (``wal_level = logical``): the session's own keeps less."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pgserver
from confiture.model import Target

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
