"""The watcher: a small process beside the server that ends it when nobody used it for long enough.

Run as ``python -I -S watch.py <home> [<uid> <gid>]`` with ``watch.lock`` already locked in an inherited descriptor.
It imports the standard library's lightest modules only, sleeps until the server ends or the next look is due, and
asks the server through the bundled psql (a driver in here would hold ten times the memory all day).

In use is: a client or replication connection now, one that came and went since the last look (``sessions`` of
``pg_stat_database``), or a run that asked for the server (the time of the file ``used``).
"""

import fcntl
import os
import select
import signal
import sys
import time

# Clients now, and sessions since the server was made. Our own session counts at the next look.
QUERY = (
    "select (select count(*) from pg_stat_activity where backend_type in ('client backend', 'walsender')"
    " and pid <> pg_backend_pid()) || ' ' || (select coalesce(sum(sessions), 0) from pg_stat_database)"
)


def main() -> None:
    """Watch one home until its server is gone."""
    home = sys.argv[1]
    if len(sys.argv) > 3:
        os.setgroups([])
        os.setgid(int(sys.argv[3]))
        os.setuid(int(sys.argv[2]))
    last_use = time.time()
    sessions = -1
    while True:
        pid, socket, port = read_pid(home)
        if not pid or not serves(home, pid):
            if let_go(home):
                return
            time.sleep(0.05)
            continue
        values = read_running(home)
        wait_for_exit(pid, float(values.get("check_s", 15)))
        if not alive(pid):
            continue
        programs = values.get("programs", "")
        clients, total = ask(programs, socket, port)
        # Our own session of the last look is one more.
        if clients or total > sessions + 1 or total < sessions:
            last_use = time.time()
        sessions = total
        idle_s = float(values.get("idle_s", 0))
        if idle_s and time.time() - max(last_use, used(home)) > idle_s:
            end(home, pid, idle_s, programs, sessions)
            sessions = -1  # of a server that lives on: one more session was ours


def read_pid(home: str) -> tuple[int, str, str]:
    """Process, socket folder and port of the server, from postmaster.pid."""
    try:
        with open(home + "/data/postmaster.pid") as file:  # noqa: PTH123 - pathlib is not light
            lines = file.read().splitlines()
        return int(lines[0]), lines[4], lines[3]
    except (OSError, ValueError, IndexError):
        return 0, "", ""


def read_running(home: str) -> dict[str, str]:
    """What the server was started with; read at every look, since a new server may have come."""
    try:
        with open(home + "/running") as file:  # noqa: PTH123
            return dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    except OSError:
        return {}


def used(home: str) -> float:
    """When a run last asked for the server, in seconds since 1970."""
    try:
        return os.stat(home + "/used").st_mtime  # noqa: PTH116
    except OSError:
        return 0.0


def alive(pid: int) -> bool:
    """Whether the process is there; a zombie is not."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except ProcessLookupError:
        return False
    except OSError:
        return not os.path.exists("/proc/self")  # noqa: PTH110


def serves(home: str, pid: int) -> bool:
    """Whether that process is this home's server: after a crash its number may belong to another process."""
    if not alive(pid):
        return False
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", home + "/data")  # noqa: PTH121
    except PermissionError:  # another user's process, or a container that hides it: nothing is known
        return True
    except OSError:
        return not os.path.exists("/proc/self")  # noqa: PTH110


def wait_for_exit(pid: int, seconds: float) -> None:
    """Sleep, but not longer than the process lives."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux: notice a second late
        deadline = time.monotonic() + seconds
        while alive(pid) and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 1.0))
        return
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll(seconds * 1000)
    finally:
        os.close(descriptor)


def ask(programs: str, socket: str, port: str) -> tuple[int, int]:
    """Clients now and sessions ever; (1, 0), in use, where the server does not answer."""
    reader, writer = os.pipe()
    nothing = os.open("/dev/null", os.O_RDWR)
    options = {"PGCONNECT_TIMEOUT": "5", "PGOPTIONS": "-c statement_timeout=5s", "PGAPPNAME": "confiture watcher"}
    try:
        child = os.posix_spawn(
            programs + "/psql",
            ["psql", "-XAtqw", "-h", socket, "-p", port, "-U", "postgres", "-d", "postgres", "-c", QUERY],
            {**os.environ, **options},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, nothing, 0),
                (os.POSIX_SPAWN_DUP2, writer, 1),
                (os.POSIX_SPAWN_DUP2, nothing, 2),
            ],
        )
    except OSError:  # the programs are gone: a virtual environment that is being made anew
        os.close(reader)
        return 1, 0
    finally:
        os.close(writer)
        os.close(nothing)
    text = os.read(reader, 100)
    os.close(reader)
    os.waitpid(child, 0)
    try:
        clients, total = text.split()
        return int(clients), int(total)
    except ValueError:
        return 1, 0


def lock(home: str) -> int:
    """The home's lock, or -1 where somebody holds it."""
    try:
        descriptor = os.open(home + "/lock", os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        sys.exit(0)  # the home is gone, or going: nothing is made in it any more
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return -1
    return descriptor


def let_go(home: str) -> bool:
    """End the watch, unless a server is being started at this moment.

    Under the home's lock, so that whoever starts the next server finds either this watcher or none.
    """
    descriptor = lock(home)
    if descriptor < 0:
        return False
    pid = read_pid(home)[0]
    if pid and serves(home, pid):
        os.close(descriptor)
        return False
    # Everything that is inherited, watch.lock among it, before the home's lock.
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, 64)
    os.close(descriptor)
    return True


def end(home: str, pid: int, idle_s: float, programs: str, sessions: int) -> None:
    """Stop the server, unless somebody asked for it, or connected, at this moment.

    Under the home's lock: who asks for the server from now on waits, and starts it again.
    """
    descriptor = lock(home)
    if descriptor < 0:
        return
    try:
        found, socket, port = read_pid(home)
        if found != pid or time.time() - used(home) <= idle_s:
            return
        clients, total = ask(programs, socket, port)
        if clients or total > sessions + 1:
            return
        os.kill(pid, signal.SIGINT)
        wait_for_exit(pid, 60)
        os.rmdir(socket)  # noqa: PTH106 - one in /tmp would lie about there
    except OSError:
        pass
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main()
