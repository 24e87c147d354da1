"""One PostgreSQL server: made, started, looked at, stopped. Plain functions of a :class:`Home`, no kernel.

Whoever makes, starts or stops holds the home's lock (:func:`home_lock`).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from confiture.errors import ConfigError, ServerError
from confiture_embedded.account import user_name, write_private
from confiture_embedded.binaries import Binaries, reachable
from confiture_embedded.layout import Home, make_socket_dir
from confiture_embedded.lock import FileLock
from confiture_embedded.settings import HBA, render
from confiture_embedded.standins import control_path, write_standins
from confiture_embedded.strays import end_strays, has_anothers_socket

__all__ = [
    "SUPERUSER", "Postmaster", "Wanted", "alive", "clean_environment", "create", "home_lock", "postmaster",
    "read_running", "running", "start", "stop",
]  # fmt: skip

#: The one role that a fresh server has.
SUPERUSER = "postgres"
#: A shutdown writes a checkpoint; recovery after a crash reads the log since the last one.
_STOP_S = 60.0
_START_S = 120.0
#: How long a killed server's backends may hold its shared memory before a new server may start.
_SHARED_MEMORY_S = 20.0
#: How often a starting server is looked at: `pg_ctl -w` waits 100 ms between looks.
_POLL_S = 0.003
#: Greater than any process number (Linux: at most 2^22, macOS: 99999).
_NO_PROCESS = 2**31 - 1
#: A longer log is set aside at the next start.
_LOG_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What ``postmaster.pid`` says. ``since`` is seconds since 1970; ``socket`` the folder of the socket."""

    pid: int
    since: float
    port: int
    socket: str
    state: str

    @property
    def socket_file(self) -> str:
        """The socket itself."""
        return f"{self.socket}/.s.PGSQL.{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a server is to run. ``settings`` are the user's, over ours; ``standins``: with stand-ins for extensions."""

    binaries: Binaries
    settings: Mapping[str, str | int | float | bool]
    port: int | None = None
    idle_minutes: float = 30
    check_s: float = 15
    standins: bool = False

    def configuration(self, home: Home, socket: Path) -> str:
        """The text of ``confiture.conf``."""
        settings = self.settings
        if self.standins and (path := control_path(home)) is not None:
            settings = {**settings, "extension_control_path": path}
        return render(settings, socket=str(socket), port=self.port)


def home_lock(home: Home) -> FileLock:
    """The lock of a home."""
    return FileLock(home.path / "lock", home.account)


def postmaster(home: Home) -> Postmaster | None:
    """``postmaster.pid`` as it stands; None where there is none, or it is not written to its end."""
    try:
        lines = (home.data / "postmaster.pid").read_text().splitlines()
        return Postmaster(
            pid=int(lines[0]), since=float(lines[2]), port=int(lines[3]), socket=lines[4], state=lines[7].strip()
        )
    except (FileNotFoundError, NotADirectoryError, IndexError, ValueError):
        return None


def alive(home: Home, pid: int) -> bool:
    """Whether that process is this home's server.

    After a crash or a restart of the machine the number may belong to another process, and in a container without an
    init process a dead server stays as a zombie.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    process = Path(f"/proc/{pid}")
    if not process.exists():
        return not Path("/proc/self").exists()
    try:
        if (process / "stat").read_text().rpartition(")")[2].split()[0] in "ZX":
            return False
        # A postmaster's working folder is its data folder.
        return (process / "cwd").samefile(home.data)
    except PermissionError:  # root without CAP_SYS_PTRACE, as in some containers
        return (process / "comm").read_text().startswith("postgres")
    except OSError:
        return False


def running(home: Home) -> Postmaster | None:
    """The server, if it accepts connections and is whole. Costs no process and far less than a millisecond."""
    found = postmaster(home)
    if found is None or not alive(home, found.pid) or _without_programs(home, found.pid):
        return None
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        try:
            probe.connect(found.socket_file)
        except BlockingIOError:  # many connect at once, its queue is full: it is there
            pass
        except OSError:
            return None
    return found if found.state == "ready" else None


def _without_programs(home: Home, pid: int) -> bool:
    """Whether its files are gone: the virtual environment that it ran from was removed, or made anew.

    It goes on running, but finds neither time zones nor extensions any more, and starts no backend on some systems.
    """
    programs = read_running(home).get("programs")
    if programs and not Path(programs).exists():
        return True
    try:
        return str(Path(f"/proc/{pid}/exe").readlink()).endswith(" (deleted)")
    except OSError:  # another user's, or no Linux
        return False


def clean_environment() -> dict[str, str]:
    """The environment of a long-lived server: no PG* variable that would change it, no secret that it would keep."""
    kept = ("PATH", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"LC_ALL": "C"}


def create(home: Home, binaries: Binaries) -> None:
    """Make the data folder, whole or not at all. Does nothing where it is already there.

    Raises ``ServerError`` with what ``initdb`` says, and where the data belongs to another major version.
    """
    version_file = home.data / "PG_VERSION"
    if version_file.exists():
        found = version_file.read_text().strip()
        if found != str(binaries.major):
            raise ServerError(
                f"the data in {str(home.data)!r} belongs to PostgreSQL {found}, and the programs are "
                f"PostgreSQL {binaries.major}",
                hint=f"set [embedded] bin_dir to the programs of PostgreSQL {found}, "
                "or remove the folder: the next start makes an empty one, and `confiture build` fills it",
            )
        return
    end_strays(home)
    for left in home.path.glob("data.new-*"):  # of an initdb that was killed
        shutil.rmtree(left, ignore_errors=True)
    new = home.path / f"data.new-{secrets.token_hex(4)}"
    arguments = [
        binaries.program("initdb"), "-D", str(new), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8",
        "--no-sync", "--no-instructions",
    ]  # fmt: skip
    if binaries.major >= 17:
        choices = [["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]]
    else:
        choices = [["--locale=C.UTF-8"], ["--locale=C"]]  # not every system has C.UTF-8
    if binaries.major >= 18:
        arguments.append("--no-data-checksums")
    try:
        for choice in choices:
            run = subprocess.run(
                arguments + choice, cwd="/", env=clean_environment(), stdin=subprocess.DEVNULL, capture_output=True,
                text=True, check=False, start_new_session=True, **home.account.popen(),
            )  # fmt: skip
            if run.returncode == 0:
                break
            shutil.rmtree(new, ignore_errors=True)
        else:
            raise ServerError("initdb could not make a data folder", detail=(run.stderr or run.stdout).strip()[-2000:])
        write_private(new / "pg_hba.conf", HBA, home.account)
        text = (new / "postgresql.conf").read_text()
        write_private(new / "postgresql.conf", f"{text}\ninclude_if_exists = 'confiture.conf'\n", home.account)
        try:
            new.rename(home.data)  # an empty folder is replaced
        except OSError as error:
            raise ServerError(
                f"{str(home.data)!r} is there, and is no data folder of PostgreSQL", hint="move it away, then run again"
            ) from error
    finally:
        if new.exists():
            shutil.rmtree(new, ignore_errors=True)


def start(home: Home, wanted: Wanted) -> Postmaster:
    """Make the server where there is none, start it where it does not run. The caller holds the home's lock.

    Raises ``ConfigError`` for a setting that PostgreSQL refuses, ``ServerError`` with the log's last lines.
    """
    binaries = reachable(wanted.binaries, home.account)
    create(home, binaries)
    _check_owner(home)
    deadline = time.monotonic() + _SHARED_MEMORY_S
    while True:
        found = postmaster(home)
        if found is not None and alive(home, found.pid):
            if found.state != "ready" or running(home) is not None:
                # Started by somebody else, in recovery, or stopping: in that case the next look finds it gone.
                with contextlib.suppress(_Gone):
                    return _wait(home, found.pid, None, wanted)
                continue
            stop(home)  # its socket is gone: the project's folder was moved, or somebody cleaned up in /tmp
            found = postmaster(home)
        if found is not None:
            _disown(home, found.pid)
        folder = make_socket_dir(home)
        for left in folder.glob(".s.PGSQL.*"):  # with the dead server's number too
            left.unlink(missing_ok=True)
        if wanted.standins:
            write_standins(home)
        text = wanted.configuration(home, folder)
        write_private(home.data / "confiture.conf", text, home.account)
        _write_running(home, wanted, binaries)
        position = _open_log(home)
        pid, said = _spawn(home, binaries)
        try:
            return _wait(home, pid, position, wanted, said)
        except _SharedMemoryInUse as error:
            if time.monotonic() > deadline:
                raise ServerError(
                    "backends of a killed server still run", detail=_log_tail(home, position),
                    hint=f"end the processes that have {str(home.data)!r} as their working folder",
                ) from error  # fmt: skip
            time.sleep(0.1)


def stop(home: Home) -> bool:
    """Stop the server and wait until it is gone; whether it ran. The caller holds the home's lock.

    Sessions are ended (fast shutdown). Raises ``ServerError`` when the server does not end.
    """
    found = postmaster(home)
    if found is None or not alive(home, found.pid):
        return False
    # Without a checkpoint on a slow disk within a minute: as after a crash, the next start recovers.
    steps = [(signal.SIGINT, _STOP_S), (signal.SIGQUIT, 10.0)]
    if has_anothers_socket(found.socket_file, found.pid):
        steps = [(signal.SIGKILL, 10.0)]  # a server that was moved must not take the socket of the one there now
    for number, limit in steps:
        try:
            os.kill(found.pid, number)
        except ProcessLookupError:
            return True
        except PermissionError as error:
            raise ServerError(
                f"the server (process {found.pid}) belongs to another user", hint="stop it as its owner"
            ) from error
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            if not alive(home, found.pid):
                with contextlib.suppress(OSError):  # one in /tmp would lie about there
                    Path(found.socket).rmdir()
                return True
            time.sleep(_POLL_S)
    raise ServerError(f"the server (process {found.pid}) does not end", hint=f"see its log, {str(home.log)!r}")


class _SharedMemoryInUse(Exception):
    """Backends of a server that was killed have not noticed yet."""


def _disown(home: Home, pid: int) -> None:
    """Take a dead server's number out of its pid file where another process has it by now, or it is a zombie still.

    PostgreSQL takes both for a running server and would refuse to start. The rest of the file must stay: by the
    shared memory that it names PostgreSQL sees backends of the dead server that still run, and would damage the data.
    """
    if not _signalled(pid):
        return
    path = home.data / "postmaster.pid"
    lines = path.read_text().split("\n")
    lines[0] = str(_NO_PROCESS)
    write_private(path, "\n".join(lines), home.account)


def _check_owner(home: Home) -> None:
    """Refuse files of another user: the server would end at once, without a word in a log that it may not write."""
    for path in (home.data, home.data / "PG_VERSION", home.log, home.path / "lock"):
        try:
            owner = path.lstat().st_uid
        except FileNotFoundError:
            continue
        if owner != home.account.uid:
            whose, name = user_name(owner), home.account.name
            raise ServerError(
                f"{str(path)!r} belongs to {whose!r}, and the server runs as {name!r}",
                hint=f"give it to that user (`chown -R {name} {shlex.quote(str(home.path))}`), "
                "or remove that folder and build again",
            )


def _spawn(home: Home, binaries: Binaries) -> tuple[int, str]:
    """Start ``postgres`` detached: a session of its own (no Ctrl-C), its parent gone (no zombie of ours).

    Its process number, and what the shell complained of.

    The shell takes everything as arguments, so that no path needs quoting; ``pg_ctl`` quotes only spaces.
    """
    script = 'log=$1; shift; "$@" >>"$log" 2>&1 </dev/null & echo $!'
    run = subprocess.run(
        ["/bin/sh", "-c", script, "sh", str(home.log), binaries.program("postgres"), "-D", str(home.data)],
        cwd="/", env=clean_environment(), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False, start_new_session=True, umask=0o077, **home.account.popen(),
    )  # fmt: skip
    if run.returncode != 0 or not run.stdout.strip().isdigit():
        raise ServerError("the server could not be started", detail=run.stderr.strip() or None)
    return int(run.stdout), run.stderr.strip()


class _Gone(Exception):
    """A server that we did not start ended while we waited for it."""


def _wait(home: Home, pid: int, position: int | None, wanted: Wanted, said: str = "") -> Postmaster:
    """Wait until the server accepts connections. ``position``: where its log begins, None where others started it."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if (found := running(home)) is not None:
            return found
        if not _exists(pid):
            if position is None:
                raise _Gone
            _explain(home, _log_tail(home, position) or said, wanted)
        time.sleep(_POLL_S)
    raise ServerError(
        f"the server did not accept connections within {_START_S:.0f} seconds", detail=_log_tail(home, position or 0),
        hint=f"its log is {str(home.log)!r}",
    )  # fmt: skip


def _exists(pid: int) -> bool:
    """Whether a process is there and no zombie; it may not have entered its data folder yet."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (ProcessLookupError, FileNotFoundError):
        return not Path("/proc/self").exists() and _signalled(pid)
    except PermissionError:
        return True


def _signalled(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _explain(home: Home, tail: str, wanted: Wanted) -> None:
    """Raise what the log's new lines, ``tail``, say about a server that ended at once."""
    if "shared memory block" in tail and "still in use" in tail:
        raise _SharedMemoryInUse
    for name in wanted.settings:
        lines = [line for line in tail.splitlines() if f'"{name.lower()}"' in line.lower()]
        if lines:
            raise ConfigError(
                f"PostgreSQL {wanted.binaries.major} refuses the setting {name!r} in [embedded.settings]",
                file="confiture.toml", detail="\n".join(lines), hint="see PostgreSQL's documentation of the setting",
            )  # fmt: skip
    if wanted.port is not None and "could not bind" in tail.lower():
        raise ServerError(
            f"port {wanted.port} is taken", detail=tail, hint="choose another for [embedded] port, or leave it out"
        )
    raise ServerError(
        "the server ended while it started", detail=tail or "it wrote nothing into its log",
        hint=f"its log is {str(home.log)!r}",
    )  # fmt: skip


def _open_log(home: Home) -> int:
    """The log's end; a log over 10 MB is set aside as ``server.log.1`` first. The server's shell makes it."""
    try:
        size = home.log.stat().st_size
    except FileNotFoundError:
        return 0
    if size > _LOG_BYTES:
        home.log.replace(home.log.with_name("server.log.1"))
        return 0
    return size


def _log_tail(home: Home, position: int) -> str:
    try:
        with home.log.open("rb") as file:
            file.seek(position)
            return file.read(8000).decode(errors="replace").strip()
    except FileNotFoundError:
        return ""


def _write_running(home: Home, wanted: Wanted, binaries: Binaries) -> None:
    values = {
        "bin_dir": wanted.binaries.bin_dir,
        "programs": binaries.bin_dir,
        "idle_s": wanted.idle_minutes * 60,
        "check_s": wanted.check_s,
    }
    text = "".join(f"{name}={value}\n" for name, value in values.items())
    write_private(home.path / "running", text, home.account)


def read_running(home: Home) -> dict[str, str]:
    """What the running server was started with; {} where nothing is known."""
    try:
        lines = (home.path / "running").read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)
