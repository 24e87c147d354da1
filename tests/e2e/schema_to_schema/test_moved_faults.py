"""The tool is killed, stopped, told to wait; servers and connections go: nothing is lost, nothing is there twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from conftest import ProjectFolder, run_psql
from e2e.schema_to_schema.faults import Servers, attempts, found, in_the_middle, is_finished, until
from e2e.schema_to_schema.moves import Move, dump

END_OURS = (
    "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
    " WHERE application_name ~ '^confiture ' AND datname IN ('old', '{}', 'postgres')"
)


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """Of these tests alone: others' databases would go with them."""
    both = Servers()
    yield both
    both.end()


@pytest.fixture
def moved(servers: Servers, project: ProjectFolder) -> Iterator[Move]:
    """A move into a database that is not there yet."""
    made = servers.move(project)
    yield made
    made.drop()


@contextmanager
def copying(moved: Move, engine: str, rate: str = "3", left: int = 1) -> Iterator[subprocess.Popen[str]]:
    """A process in the middle of it, at so many megabytes a second, with so many chunks left."""
    with moved.popen("start", "--strategy", engine, "--max-rate", rate) as process:
        try:
            until(lambda: in_the_middle(moved.target, left) or process.poll() is not None)
            yield process
        finally:
            process.kill()


def gone(servers: Servers, moved: Move) -> None:
    """Both servers have seen that the process is."""
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^confiture '"
    until(lambda: all(run_psql(each.target, ours) == "0" for each in (servers.old, servers.new)))


def ends_well(process: subprocess.Popen[str]) -> None:
    """Exit code 0."""
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said


def test_killed_anywhere_and_resumed(servers: Servers, moved: Move) -> None:
    """At random moments, also of what goes on with it; `resume` needs no flags."""
    chance = random.Random(0)
    engine = "fdw"  # it leaves most behind; the others are killed where they copy within one server
    for attempt in (1, 2, 3):
        words = ("resume",) if attempt > 1 else ("start", "--strategy", engine)
        with moved.popen(*words) as process:
            while attempts(moved.target) < attempt and process.poll() is None:
                time.sleep(0.02)
            time.sleep(chance.uniform(0, 1.2))  # taking off, copying, building indexes
            process.kill()
            process.communicate()
        gone(servers, moved)
        if is_finished(moved.target):
            break
    else:
        ends_well(moved.popen("resume"))
    assert found(moved.target) == servers.rows
    assert dump(moved.target) == servers.built(moved.project)


@pytest.mark.parametrize("engine", ["fdw", "copy"])
def test_servers_are_restarted_and_connections_ended(engine: str, servers: Servers, moved: Move) -> None:
    """First those of the old one, then the new one's, in the middle: the same process goes on."""
    with copying(moved, engine) as process:
        for each in (servers.old.target, servers.new.target):
            run_psql(each, END_OURS.format(moved.target.database))
        servers.old.restart("fast")
        servers.new.restart("immediate")
        ends_well(process)
    assert found(moved.target) == servers.rows


def test_a_stopped_process_comes_too_late(servers: Servers, moved: Move) -> None:
    """Its connections are gone, another one has finished: it must see that, and change nothing."""
    with copying(moved, "copy", rate="0.5") as process:
        process.send_signal(signal.SIGSTOP)
        refused = moved.cli("resume")
        assert refused.returncode == 9, refused.stderr
        assert f"confiture {process.pid}@" in refused.stderr
        for each in (servers.old.target, servers.new.target):
            run_psql(each, END_OURS.format(moved.target.database))
        resumed = moved.cli("resume")
        assert resumed.returncode == 0, resumed.stderr
        assert found(moved.target) == servers.rows
        process.send_signal(signal.SIGCONT)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 9, said
    assert found(moved.target) == servers.rows


def test_a_source_that_is_another_now_is_named(servers: Servers, moved: Move) -> None:
    """Between the cut and the resume."""
    with copying(moved, "copy", rate="0.5") as process:
        process.kill()
    run_psql(servers.source, "ALTER TABLE orders ALTER cents TYPE bigint")
    try:
        gone(servers, moved)
        refused = moved.cli("resume")
        assert refused.returncode == 8, refused.stderr
        assert "public.orders" in refused.stderr
    finally:
        run_psql(servers.source, "ALTER TABLE orders ALTER cents TYPE int; ANALYZE orders")
    resumed = moved.cli("resume")
    assert resumed.returncode == 0, resumed.stderr
    assert found(moved.target) == servers.rows


def test_from_another_terminal(servers: Servers, moved: Move) -> None:
    """A second start is refused; pause and resume reach the process; what it may take a second, it does not exceed."""
    begun = time.monotonic()
    with copying(moved, "copy", rate="1.5", left=4) as process:  # two are under way
        process.send_signal(signal.SIGSTOP)  # else it may be done before the command has begun
        paused = moved.cli("pause")
        process.send_signal(signal.SIGCONT)
        assert paused.returncode == 0, paused.stderr
        waiting = "SELECT count(*) FROM confiture.confiture_moves WHERE waiting_for IS NOT NULL AND paused"
        until(lambda: moved.on_target(waiting) == "1")
        status = msgspec.json.decode(moved.cli("status", "--format", "json").stdout)
        assert (status["running"], status["paused"]) == (True, True)
        second = moved.cli("start", "--strategy", "fdw")
        assert second.returncode == 9, second.stderr
        assert process.poll() is None
        told = moved.cli("resume")
        assert told.returncode == 0, told.stderr
        assert "goes on" in told.stdout
        ends_well(process)
    seconds = time.monotonic() - begun
    assert found(moved.target) == servers.rows
    status = msgspec.json.decode(moved.cli("status", "--format", "json").stdout)
    assert status["phase"] == "copied"
    assert status["bytes"] <= 1.5 * (1 << 20) * seconds


def test_a_full_disk_is_named_and_resumed(servers: Servers, moved: Move, tmp_path: Path) -> None:
    """The new tables are on a file system that is too small, and is made larger then."""
    folder = Path("/tmp") / f"confiture-full-{os.getpid()}"
    folder.mkdir()
    try:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True)
        if mounted.returncode != 0:
            pytest.skip("a file system cannot be mounted here: this needs root")
        try:
            place = folder / "space"
            place.mkdir(mode=0o700)
            owner = servers.new.data.stat()
            os.chown(place, owner.st_uid, owner.st_gid)
            run_psql(servers.new.target, f"CREATE TABLESPACE small LOCATION '{place}'")
            run_psql(servers.new.target, "ALTER ROLE postgres SET default_tablespace = small")
            full = moved.cli("start", "--strategy", "copy")
            assert full.returncode == 7, full.stderr
            assert "orders" in full.stderr
            assert "resume" in full.stderr
            subprocess.run(["mount", "-o", "remount,size=100m", folder], check=True)
            resumed = moved.cli("resume")
            assert resumed.returncode == 0, resumed.stderr
            assert found(moved.target) == servers.rows
        finally:
            run_psql(servers.new.target, "ALTER ROLE postgres RESET default_tablespace")
            moved.drop()
            run_psql(servers.new.target, "DROP TABLESPACE IF EXISTS small")
            subprocess.run(["umount", folder], check=True)
    finally:
        folder.rmdir()
