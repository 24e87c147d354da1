"""Through a transaction-mode pooler: what works, and what says that it does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

import pgserver
from confiture import errors
from confiture.locks import is_pooled
from confiture.model import Target, WarningRaised
from confiture.temporary import temporary_database

pytestmark = pytest.mark.anyio

PGBOUNCER = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")


@pytest.fixture
def pooled(database, tmp_path):
    """The test's database through a pgbouncer of its own."""
    if PGBOUNCER is None:
        pytest.skip("pgbouncer is not installed")
    # Not tmp_path: only its owner may enter that, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="pgb", dir="/tmp"))
    folder.chmod(0o777)
    settings, log = folder / "pgbouncer.ini", folder / "log"
    settings.write_text(
        f"[databases]\n* = host={database.params['host']} user={database.params['user']}\n"
        f"[pgbouncer]\nunix_socket_dir = {folder}\nlisten_addr =\nlisten_port = 6432\nauth_type = any\n"
        "pool_mode = transaction\n"
    )
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PGBOUNCER, settings], stdout=output, stderr=output, cwd="/", **pgserver.unprivileged()
        )
    deadline = time.monotonic() + 20
    while not (folder / ".s.PGSQL.6432").exists():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
    yield Target(label="pooled", params={**database.params, "host": str(folder), "port": "6432"})
    process.terminate()
    process.wait()
    shutil.rmtree(folder)


async def test_a_pooled_connection_is_recognised(kernel_run, pooled):
    """The process that answers is not the one that greeted us."""
    async with kernel_run() as run, run.connect(pooled) as connection:
        assert await is_pooled(connection)


async def test_transactions_and_queries_work(kernel_run, pooled, database, psql):
    """Nothing is prepared on the server, so that any of its sessions will do."""
    async with kernel_run() as run, run.connect(pooled) as one, run.connect(pooled) as two:
        for connection in (one, two):
            async with run.transaction(connection):
                await connection.execute(f"CREATE TABLE t{connection is one} (n int)")
                await connection.execute(f"INSERT INTO t{connection is one} VALUES ($1)", 1)
            assert await connection.fetchval(f"SELECT n + $1 FROM t{connection is one}", 1) == 2
    assert psql(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "2"


async def test_a_lock_is_not_taken_and_that_is_said(kernel_run, pooled, psql, server):
    """A session-level lock would stay on one of the pooler's sessions, for nobody's protection."""
    heard = []
    async with kernel_run(observers=[heard.append]) as run, run.lock(pooled, "build pooled"):
        assert psql(server, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 "
                            "AND (classid::bigint << 32) | objid::bigint = "
                            "hashtextextended('confiture:build pooled', 0)") == "0"  # fmt: skip
    assert [(type(event), "transaction-mode pooler" in event.message) for event in heard] == [(WarningRaised, True)]


async def test_a_temporary_database_is_refused(kernel_run, pooled):
    """Nothing could guard it, so that another run's sweep would drop it."""
    with pytest.raises(errors.Refused, match="transaction-mode pooler"):
        async with kernel_run() as run, temporary_database(run, pooled, "pooled"):
            pass
