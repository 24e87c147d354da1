"""A build whose process is killed, and what the next one makes of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from confiture.config.dsn import to_uri

pytestmark = pytest.mark.anyio


def _wait_for(question, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.05)


def _start(shop, target) -> subprocess.Popen[bytes]:
    url = to_uri(target.params)
    command = [sys.executable, "-m", "confiture", "build", "--database-url", url, "--project", str(shop.root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ))


async def test_what_a_killed_build_left_is_dropped_by_the_next(
    shop, kernel_run, absent, server, psql, databases, where_runs, no_session_left
) -> None:
    """SIGKILL leaves the half-built database under its temporary name; nobody else's is touched."""
    shop.schema("25_slow.sql", "SELECT pg_sleep(31.5);")
    process = _start(shop, absent)
    _wait_for(lambda: where_runs("pg_sleep(31.5)"))
    left = where_runs("pg_sleep(31.5)")
    key = f"hashtextextended('confiture:{left}', 0)"
    guarded = f"SELECT count(*) FROM pg_locks WHERE (classid::bigint << 32) | objid::bigint = {key}"
    assert psql(server.with_database("postgres"), guarded) == "1"
    process.kill()
    process.communicate()
    assert databases(left) == [left]
    # The server notices the dead client when its statement ends: a real outage would wait, the test ends it.
    psql(
        server.with_database("postgres"),
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE query LIKE '%pg_sleep(31.5)%' AND pid <> pg_backend_pid()",
    )
    # A backend may end later than that, and so may the other session, which guards the database.
    no_session_left(server.with_database(left))
    _wait_for(lambda: psql(server.with_database("postgres"), guarded) == "0")
    shop.schema("25_slow.sql", "SELECT 1;")
    async with kernel_run(shop, database=absent) as run:
        await run.start("build")
    assert databases(left) == []
    assert psql(absent, "SELECT count(*) FROM names") == "0"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_interrupted_build_cleans_up_and_says_so(shop, absent, databases, where_runs, number) -> None:
    """Ctrl-C, and what a process supervisor sends: nothing left behind, no session left on the server."""
    text = f"pg_sleep(3{int(number)}.5)"
    shop.schema("25_slow.sql", f"SELECT {text};")
    process = _start(shop, absent)
    _wait_for(lambda: where_runs(text))
    building = where_runs(text)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"taken back" in errors
    assert b"Traceback" not in errors
    assert where_runs(text) == ""
    assert building.startswith("confiture_tmp_")
    assert databases(building) == []
    assert databases(absent.database) == []
