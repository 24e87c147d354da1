"""A server is made, started, found, stopped; and what may go wrong with each."""

# ruff: noqa: ASYNC240 - small files, looked at between two steps
from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
from pathlib import Path

import anyio
import pytest

from confiture.config import Environment
from confiture.errors import ServerError, ServerUnreachable
from confiture.hooks import SERVER
from confiture_embedded import cluster
from confiture_embedded.layout import existing_home

pytestmark = pytest.mark.anyio

LOCAL = Environment(name="local")


def home_of(root: Path):
    home = existing_home(root / ".confiture" / "server")
    assert home is not None
    return home


async def test_a_server_is_made_on_first_use_and_found_on_the_next(own_project, server_run):
    """ "Started when needed": nobody has to prepare anything."""
    async with server_run(own_project) as run:
        target = await run.target()
        async with run.connect(target, database="postgres") as connection:
            assert (await connection.fetchval("SHOW server_version")).startswith("18")
        first = cluster.running(home_of(own_project))
        await run.get(SERVER, "embedded").acquire(run, LOCAL)
        assert cluster.running(home_of(own_project)) == first
    assert (target.managed, target.database) == (True, "shop_local")


async def test_version_control_ignores_the_data(own_project, server_run):
    async with server_run(own_project) as run:
        await run.target()
    assert (own_project / ".confiture" / ".gitignore").read_text() == "*\n"


async def test_all_environments_of_a_project_share_one_server(own_project, server_run):
    async with server_run(own_project) as run:
        local = await run.target()
        test = await run.target(Environment(name="test"))
        named = await run.target(Environment(name="other", database="my_shop"))
    assert local.params["host"] == test.params["host"] == named.params["host"]
    assert [local.database, test.database, named.database] == ["shop_local", "shop_test", "my_shop"]


async def test_processes_that_start_it_at_once_get_the_same_server(own_project, acquire_process):
    """Safe when two processes start it at once: the second waits for the first."""
    started = [acquire_process(own_project) for _ in range(4)]
    said = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0] * 4, said
    assert len({out for out, _ in said}) == 1
    assert not list((own_project / ".confiture" / "server").glob("data.new-*"))


async def test_a_killed_server_starts_again_with_its_data(own_project, server_run, eventually):
    """A stale postmaster.pid must not keep a server down, and a crash of PostgreSQL loses nothing."""
    async with server_run(own_project) as run:
        target = (await run.target()).with_database("postgres")
        async with run.connect(target) as connection:
            await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        server = cluster.running(home_of(own_project))
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
        eventually(lambda: not cluster.alive(home_of(own_project), server.pid))
        await run.get(SERVER, "embedded").acquire(run, LOCAL)
        again = cluster.running(home_of(own_project))
        assert again is not None
        assert again.pid != server.pid
        async with run.connect(target) as connection:
            assert await connection.fetchval("SELECT n FROM kept") == 7


async def test_a_pid_file_that_names_another_process_does_not_keep_it_down(own_project, server_run):
    """In a container numbers come again: PostgreSQL itself would say that another server is running."""
    async with server_run(own_project) as run:
        await run.target()
        home = home_of(own_project)
        text = (home.data / "postmaster.pid").read_text()
        cluster.stop(home)
        # Of the server's user: PostgreSQL does not mind those that it may not send a signal to.
        with subprocess.Popen(["sleep", "600"], **home.account.popen()) as other:  # noqa: ASYNC220
            (home.data / "postmaster.pid").write_text(text.replace(text.split()[0], str(other.pid), 1))
            try:
                await run.get(SERVER, "embedded").acquire(run, LOCAL)
            finally:
                other.kill()
        assert cluster.running(home) is not None


async def test_it_survives_the_death_of_the_process_that_started_it(own_project, acquire_process):
    """And Ctrl-C in that process's terminal: the server is in a session of its own."""
    parent = acquire_process(own_project, then="__import__('time').sleep(600)", start_new_session=True)
    pid = int(parent.stdout.readline())
    assert os.getsid(pid) != os.getsid(parent.pid)
    os.killpg(parent.pid, signal.SIGINT)
    os.killpg(parent.pid, signal.SIGKILL)
    parent.wait()
    server = cluster.running(home_of(own_project))
    assert server is not None
    assert server.pid == pid


async def test_a_path_that_is_too_long_for_a_socket_works(fast_dir, server_run):
    """A socket's path may have 107 bytes, a project's path may be as long as it likes."""
    root = fast_dir / ("long-" * 20) / ("longer-" * 20) / "shop"
    root.mkdir(parents=True)
    async with server_run(root) as run:
        target = await run.target()
        assert len(target.params["host"]) < 90
        folder = Path(target.params["host"])
        assert (folder.stat().st_mode & 0o777, folder.stat().st_uid) == (0o700, home_of(root).account.uid)
        async with run.connect(target, database="postgres") as connection:
            assert await connection.fetchval("SELECT 1") == 1
        await run.get(SERVER, "embedded").stop(run, LOCAL)
    assert not folder.exists()


async def test_a_socket_folder_of_somebody_else_is_refused(fast_dir, server_run):
    """Everybody may write in /tmp: whoever makes our folder first must not become our server."""
    if os.geteuid() != 0:
        pytest.skip("needs another user's folder")
    from confiture_embedded.layout import make_home, socket_dir

    root = fast_dir / ("long-" * 20) / "shop"
    root.mkdir(parents=True)
    folder = socket_dir(make_home(root / ".confiture" / "server"))
    folder.mkdir()
    os.chown(folder, 12345, 12345)
    try:
        async with server_run(root) as run:
            with pytest.raises(ServerError, match="does not belong to"):
                await run.target()
    finally:
        folder.rmdir()


async def test_status_tells_where_since_when_and_how_big(own_project, server_run):
    async with server_run(own_project) as run:
        server = run.get(SERVER, "embedded")
        before = await server.status(run, LOCAL)
        assert before.state == "stopped"
        assert not (own_project / ".confiture").exists()
        await run.target()
        found = await server.status(run, LOCAL)
        await server.stop(run, LOCAL)
        after = await server.status(run, LOCAL)
    data = own_project / ".confiture" / "server" / "data"
    assert (found.state, found.data) == ("running", str(data))
    assert found.version is not None
    assert found.version.startswith("18.")
    assert found.since is not None
    assert found.since.startswith("20")
    assert found.pid
    assert found.size_bytes is not None
    assert 20_000_000 < found.size_bytes < 200_000_000
    assert found.idle_minutes == 30
    assert found.address.endswith("/socket/.s.PGSQL.5432")
    assert (after.state, after.pid, after.data) == ("stopped", None, str(data))


async def test_stop_leaves_no_process_and_no_socket(own_project, server_run, processes, eventually):
    """Its life is clear: what was stopped is gone, the watcher too."""
    async with server_run(own_project) as run:
        await run.target()
        assert len(processes(own_project)) > 2
        assert await run.get(SERVER, "embedded").stop(run, LOCAL) is True
        eventually(lambda: not processes(own_project))
        assert not (own_project / ".confiture" / "server" / "socket").exists()
        assert await run.get(SERVER, "embedded").stop(run, LOCAL) is False


async def test_stop_ends_sessions(own_project, server_run):
    """A forgotten psql must not keep the server from stopping."""
    async with server_run(own_project) as run:
        target = await run.target()
        async with run.connect(target, database="postgres") as connection:
            assert await run.get(SERVER, "embedded").stop(run, LOCAL) is True
            assert cluster.running(home_of(own_project)) is None
            connection.terminate()


async def test_a_killed_initdb_leaves_nothing_half(own_project, server_run):
    """The data folder gets its name when it is whole; what a kill left is removed by the next start."""
    from confiture_embedded.layout import make_home

    home = make_home(own_project / ".confiture" / "server")
    half = home.path / "data.new-12345678"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    async with server_run(own_project) as run:
        await run.target()
    assert not half.exists()
    assert (home.data / "global").is_dir()


async def test_data_of_another_major_version_is_a_named_error(own_project, server_run):
    """A new wheel must not say "database files are incompatible" in a log that nobody looks at."""
    async with server_run(own_project) as run:
        await run.target()
        await run.get(SERVER, "embedded").stop(run, LOCAL)
        (home_of(own_project).data / "PG_VERSION").write_text("14\n")
        with pytest.raises(ServerError, match="belongs to PostgreSQL 14, and the programs are PostgreSQL 18") as caught:
            await run.get(SERVER, "embedded").acquire(run, LOCAL)
    assert "bin_dir" in str(caught.value.hint)


async def test_a_server_that_does_not_start_shows_its_log(own_project, server_run):
    async with server_run(own_project) as run:
        await run.target()
        await run.get(SERVER, "embedded").stop(run, LOCAL)
        (home_of(own_project).data / "pg_hba.conf").write_text("nonsense\n")
        with pytest.raises(ServerError) as caught:
            await run.get(SERVER, "embedded").acquire(run, LOCAL)
    assert "pg_hba.conf" in str(caught.value.detail)


async def test_the_scratch_server_is_in_the_cache_and_shared_by_projects(fast_dir, own_project, server_run):
    """One scratch server a user."""
    other = fast_dir / "other"
    other.mkdir()
    scratch = Environment(name="scratch", server="embedded")
    hosts = []
    for root in (own_project, other):
        async with server_run(root) as run:
            hosts.append((await run.target(scratch)).params["host"])
            assert (await run.get(SERVER, "embedded").status(run, scratch)).idle_minutes == 10
        assert not (root / ".confiture").exists()
    assert hosts[0] == hosts[1]
    assert (fast_dir / "cache" / "scratch-18").is_dir()


async def test_nobody_else_can_connect(own_project, server_run):
    """There is no password on the socket: its folder is the lock, and nothing listens on TCP."""
    async with server_run(own_project) as run:
        folder = Path((await run.target()).params["host"])
        async with run.connect(await run.target(), database="postgres") as connection:
            assert await connection.fetchval("SHOW listen_addresses") == ""
    assert folder.stat().st_mode & 0o077 == 0


async def test_a_server_whose_project_was_moved_is_started_again_there(own_project, server_run):
    """The running server's socket went along, but it is not where the server says."""
    async with server_run(own_project) as run:
        await run.target()
    moved = own_project.with_name("moved")
    own_project.rename(moved)
    async with server_run(moved) as run:
        target = await run.target()
        assert target.params["host"].startswith(str(moved))
        async with run.connect(target, database="postgres") as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def test_a_server_whose_programs_are_gone_is_started_again(own_project, server_run):
    """Its virtual environment was removed or made anew: it would find no time zone and no extension any more."""
    async with server_run(own_project) as run:
        await run.target()
    first = server_pid(own_project)
    record = own_project / ".confiture" / "server" / "running"
    lines = record.read_text().splitlines()
    record.write_text("".join(f"{'programs=/nowhere' if each.startswith('programs=') else each}\n" for each in lines))
    async with server_run(own_project) as run:
        target = await run.target()
        async with run.connect(target, database="postgres") as connection:
            assert await connection.fetchval("SELECT 1") == 1
    assert server_pid(own_project) != first


def server_pid(project: Path) -> int:
    return int((project / ".confiture" / "server" / "data" / "postmaster.pid").read_text().split()[0])


async def test_an_acquire_during_a_stop_waits_and_starts_it_again(own_project, server_run):
    """`server stop` in one terminal and `build` in another."""
    async with server_run(own_project) as run:
        server = run.get(SERVER, "embedded")
        for _ in range(3):
            await server.acquire(run, LOCAL)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(server.stop, run, LOCAL)
                tasks.start_soon(server.acquire, run, LOCAL)
        await server.acquire(run, LOCAL)
        assert cluster.running(home_of(own_project)) is not None


async def test_a_connection_starts_a_server_again_that_was_stopped_since_it_was_asked_for(own_project, server_run):
    """A run may last for hours, and the server may be stopped, or end itself, before the run connects (again)."""
    async with server_run(own_project) as run:
        target = (await run.target()).with_database("postgres")
        for _ in range(2):
            await run.get(SERVER, "embedded").stop(run, LOCAL)
            async with run.connect(target) as connection:
                assert await connection.fetchval("SELECT 1") == 1


async def test_a_server_that_always_goes_before_the_connection_is_a_named_error(own_project, server_run, monkeypatch):
    """Somebody stops it in a loop: no message of a socket, and no end in waiting."""
    async with server_run(own_project) as run:
        target = (await run.target()).with_database("postgres")
        server = run.get(SERVER, "embedded")
        acquire = server.acquire

        async def acquire_and_stop(*arguments):
            found = await acquire(*arguments)
            await server.stop(run, LOCAL)
            return found

        await server.stop(run, LOCAL)
        monkeypatch.setattr(server, "acquire", acquire_and_stop)
        with pytest.raises(ServerUnreachable, match="went away 4 times") as caught:
            async with run.connect(target):
                pass
    assert "server status" in str(caught.value.hint)


async def test_removing_the_folder_of_a_running_server_does_no_harm_to_the_next(own_project, server_run):
    """The old server notices within a minute, and would remove the socket of its name: the new one's."""
    async with server_run(own_project) as run:
        await run.target()
        old = cluster.running(home_of(own_project))
        assert old is not None
        shutil.rmtree(own_project / ".confiture")
        await run.get(SERVER, "embedded").acquire(run, LOCAL)
        new = cluster.running(home_of(own_project))
        assert new is not None
        assert new.pid != old.pid
        assert not cluster._exists(old.pid)


async def test_a_moved_server_does_not_take_the_socket_of_the_one_that_is_there_now(own_project, server_run):
    """`mv shop shop.old`, a new clone, and a stop in the old one."""
    moved = own_project.with_name("moved")
    async with server_run(own_project) as run:
        await run.target()
    own_project.rename(moved)
    async with server_run(own_project) as run:
        target = (await run.target()).with_database("postgres")
        there = cluster.running(home_of(own_project))
        async with server_run(moved) as other:
            assert await other.get(SERVER, "embedded").stop(other, LOCAL) is True
            await other.get(SERVER, "embedded").acquire(other, LOCAL)
        assert cluster.running(home_of(own_project)) == there
        async with run.connect(target) as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def test_a_lock_whose_file_was_removed_is_not_taken(own_project, server_run, monkeypatch):
    """Whoever comes later locks a new file: two would make the server at once."""
    async with server_run(own_project) as run:
        await run.target()
    lock = cluster.home_lock(home_of(own_project))
    flock = fcntl.flock

    def removed_first(*arguments):
        lock.path.unlink()
        flock(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", removed_first)
        assert lock.try_lock() is False
    assert lock.try_lock() is True
    lock.release()
