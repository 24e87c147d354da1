"""A standby is a source like any other, and never a target; nor is what it is a standby of. Poolers pass."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import pgserver
from confiture.errors import Refused
from confiture.kernel import Kernel
from confiture.model import Target
from conftest import run_psql

pytestmark = pytest.mark.anyio

SCHEMA = "CREATE TABLE users (id int PRIMARY KEY, email text)"
ROWS = "INSERT INTO users SELECT i, 'zed' || i || '@corp.io' FROM generate_series(1, 100) i"


@pytest.fixture
def sync(project, monkeypatch):
    """``await sync(source, target)``: the report."""
    monkeypatch.setenv("CONFITURE_ANONYMIZATION_KEY", "0123456789abcdef0123456789abcdef")
    project.write("db/sync_config.yaml", "anonymize: {users: {email: 'u{id}@example.com'}}")

    async def run(source: Target, target: Target):
        project.environment_for(source, "production")
        project.environment_for(target, "local")
        async with Kernel(project.root).run(env="local") as ctx:
            return await ctx.start("sync", source="production", target="local")

    return run


@pytest.fixture(scope="module")
def replicated() -> Iterator[tuple[Target, Target]]:
    """A primary with rows, and its standby, which has them too."""
    folder = Path(tempfile.mkdtemp(prefix="sb", dir="/tmp"))  # a socket's path must be short
    folder.chmod(0o777)
    binaries, as_user = pgserver.binaries(), {"cwd": "/", **pgserver.unprivileged()}
    servers = []

    def start(data: Path, port: int) -> Target:
        command = [
            binaries / "postgres",
            "-D",
            data,
            "-k",
            folder,
            "-p",
            str(port),
            "--listen-addresses=",
            "--fsync=off",
        ]
        with (folder / f"log{port}").open("wb") as log:
            servers.append(subprocess.Popen(command, stdout=log, stderr=log, **as_user))
        deadline = time.monotonic() + 120
        ready = [binaries / "pg_isready", "-q", "-h", folder, "-p", str(port)]
        while subprocess.run(ready, **as_user).returncode != 0:
            assert time.monotonic() < deadline, (folder / f"log{port}").read_text()
            time.sleep(0.02)
        return Target(
            label="x", params={"host": str(folder), "port": str(port), "user": "postgres", "dbname": "postgres"}
        )

    try:
        initdb = [binaries / "initdb", "-D", folder / "p", "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, **as_user)
        primary = start(folder / "p", 6001)
        run_psql(primary, f"{SCHEMA}; {ROWS}")
        backup = [binaries / "pg_basebackup", "-D", folder / "s", "-h", folder, "-p", "6001", "-U", "postgres"]
        subprocess.run([*backup, "-R", "-c", "fast", "--no-sync"], check=True, **as_user)
        yield primary, start(folder / "s", 6002)
    finally:
        for server in reversed(servers):
            server.send_signal(signal.SIGINT)  # whoever is still there is not waited for
            server.wait()
        shutil.rmtree(folder)


async def test_a_standby_is_read_like_any_source(sync, replicated, database, psql):
    psql(database, SCHEMA)
    report = await sync(replicated[1], database)
    assert (report.exit_code, report.rows) == (0, 100)
    assert psql(database, "SELECT count(*) FROM users WHERE email ~ '^u[0-9]+@example.com$'") == "100"


async def test_the_primary_of_the_source_is_refused(sync, replicated):
    with pytest.raises(Refused, match="the target 'local' is the source's primary"):
        await sync(replicated[1], replicated[0])


async def test_a_standby_is_no_target(sync, replicated):
    with pytest.raises(Refused, match="the target 'local' is a standby"):
        await sync(*replicated)


async def test_both_sides_may_be_behind_a_transaction_mode_pooler(sync, pooled, database, new_database, psql):
    psql(database, f"{SCHEMA}; {ROWS}")
    other = new_database()
    psql(other, SCHEMA)
    assert (await sync(pooled, other)).exit_code == 0
    psql(database, "TRUNCATE users")
    assert (await sync(other, pooled)).exit_code == 0
    assert psql(database, "SELECT count(*) FROM users") == "100"
