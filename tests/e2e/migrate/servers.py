"""A server of a test's own: it may be stopped, restarted, killed, and have a standby."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pgserver
from confiture.model import Target

#: Debian's PostgreSQL 15, where it is installed.
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "max_connections": "60",
    "autovacuum": "off",
    "jit": "off",
    "timezone": "UTC",
}


class OwnServer:
    """A cluster in a folder of its own; ``programs`` is the ``bin`` folder of its version."""

    def __init__(self, programs: Path | None = None, *, of: OwnServer | None = None) -> None:
        """``of``: a standby of that one."""
        self.folder = Path(tempfile.mkdtemp(prefix="own", dir="/tmp"))
        self.folder.chmod(0o755)
        self._user = pgserver.unprivileged()
        if self._user:
            shutil.chown(self.folder, self._user["user"], self._user["group"])
        self.programs = of.programs if of is not None else programs or _of_the_session()
        self.data = self.folder / "data"
        if of is None:
            self.run(
                "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"
            )
            with (self.data / "postgresql.conf").open("a") as settings:
                settings.writelines(f"{key} = '{value}'\n" for key, value in _SETTINGS.items())
                settings.write(f"unix_socket_directories = '{self.folder}'\n")
        else:
            self.run(
                "pg_basebackup", "-h", of.folder, "-U", "postgres", "-D", self.data, "-R", "-X", "stream", "-c", "fast"
            )
            with (self.data / "postgresql.auto.conf").open("a") as settings:
                settings.write(f"unix_socket_directories = '{self.folder}'\n")
        self.start()

    @property
    def target(self) -> Target:
        """Its database ``postgres``."""
        return Target(label="own", params={"host": str(self.folder), "user": "postgres", "dbname": "postgres"})

    def run(self, program: str, *arguments: object) -> None:
        """One of its programs, as its user."""
        command = [self.programs / program, *map(str, arguments)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/", env=environment, **self._user
        )
        assert done.returncode == 0, done.stdout.decode()

    def control(self, *arguments: object) -> None:
        """``pg_ctl``; not through a pipe, which the server would keep open."""
        command = [self.programs / "pg_ctl", "-D", self.data, "-w", "-s", "-l", self.folder / "log", *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        subprocess.run(
            [str(part) for part in command],
            check=True, cwd="/", env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self._user,
        )  # fmt: skip

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.control("start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: ``fast`` ends sessions, ``immediate`` is a crash."""
        self.control("stop", "-m", mode)

    def restart(self, mode: str) -> None:
        """Stop and start it."""
        self.control("restart", "-m", mode)

    def kill(self, pid: int) -> None:
        """SIGKILL for a server process, upon which the server ends all sessions and recovers."""
        os.kill(pid, 9)

    def end(self) -> None:
        """Stop it and remove the folder."""
        if (self.data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


def _of_the_session() -> Path:
    """The programs of the session's server: a copy of them where the wheel's may not be run by its user."""
    copied = Path(os.environ[pgserver.SESSION_VARIABLE]) / "pginstall" / "bin"
    return copied if copied.exists() else pgserver.binaries()
