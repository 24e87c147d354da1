"""Two databases, an engine, and a run to move rows in; and a server of its own, whose log is read."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import pgserver
from confiture.model import Target, TransferTask
from confiture.registry import Registry
from confiture.testing import open_context
from confiture_fdw.engine import FdwEngine
from conftest import run_psql

FORMS = (
    "SET DateStyle = ISO; SET IntervalStyle = postgres; SET extra_float_digits = 3; SET bytea_output = hex; "
    "SET TimeZone = 'UTC';"
)
#: All that the engine makes, and who is still there.
LEFT = """
SELECT (SELECT count(*) FROM pg_foreign_server) + (SELECT count(*) FROM pg_user_mappings)
     + (SELECT count(*) FROM pg_class WHERE relkind = 'f') + (SELECT count(*) FROM pg_namespace
        WHERE nspname LIKE 'confiture%') + (SELECT count(*) FROM pg_extension WHERE extname = 'postgres_fdw')
"""
#: With what a password may have in it that is special in SQL, in libpq's strings or in a format.
PASSWORD = r"sec'ret \pw%s"


@pytest.fixture
def source(new_database: Callable[[], Target]) -> Target:
    return msgspec.structs.replace(new_database(), label="production")


@pytest.fixture
def target(new_database: Callable[[], Target]) -> Target:
    return msgspec.structs.replace(new_database(), label="staging")


@pytest.fixture
async def ctx(project):
    async with open_context(project.root, registry=Registry()) as run:
        yield run


@pytest.fixture
def task_of(source, target):
    """``task_of("id, name", ...)``: of the table ``t``, unless it is told otherwise."""

    def task_of(columns: str, /, **values: Any) -> TransferTask:
        names = tuple(columns.split(", "))
        query = f"SELECT {', '.join(map(quoted, names))} FROM {values.get('table', 't')}"
        return TransferTask(
            **{"source": source, "target": target, "table": "t", "columns": names, "query": query} | values
        )

    return task_of


@pytest.fixture
def transfer(ctx, task_of):
    """``await transfer("id, name", ...)``."""

    async def transfer(columns: str, /, *, masks=(), **values: Any):
        return await FdwEngine().transfer(ctx, task_of(columns, **values), masks)

    return transfer


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture
def both(source, target, psql) -> Callable[[str], None]:
    """Runs SQL in both databases."""

    def run(sql: str) -> None:
        for place in (source, target):
            psql(place, sql)

    return run


@pytest.fixture
def equal(source, target, psql) -> Callable[..., str]:
    """Fails unless psql prints the same of both; what it prints."""

    def compare(sql: str = "SELECT t::text FROM t ORDER BY 1") -> str:
        sql = f"{FORMS} {sql}"
        printed = psql(source, sql)
        assert psql(target, sql) == printed
        return printed

    return compare


@pytest.fixture
def left(psql) -> Callable[[Target], int]:
    """How many of the objects that the engine makes are in a database; the extension is one."""

    def count(place: Target) -> int:
        return int(psql(place, LEFT))

    count.query = LEFT
    return count


class LoggingServer:
    """``admin`` is its superuser, ``log`` the file of all that it says."""

    def __init__(self, admin: Target, log: Path) -> None:
        self.admin = admin
        self.log = log
        self.password = PASSWORD

    def role(self, database: str, label: str, role: str = "app") -> Target:
        """The role that is no superuser and needs a password, as it logs in."""
        params = {**self.admin.params, "user": role, "password": PASSWORD, "dbname": database}
        return Target(label=label, params=params)


@pytest.fixture(scope="session")
def logging_server(tmp_path_factory) -> Iterator[LoggingServer]:
    """Passwords are asked for, and all statements are logged, counted and kept, those within functions as well."""
    as_user = pgserver.unprivileged()
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="cf-fdw-", dir=base))
    folder.chmod(0o755)
    for name in ("data", "s"):
        (folder / name).mkdir(mode=0o700 if name == "data" else 0o755)
        if as_user:
            os.chown(folder / name, as_user["user"], as_user["group"])
    programs, data, log = pgserver.binaries(), folder / "data", folder / "log"
    run = {"cwd": "/", "check": True, **as_user}
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"],
        stdout=subprocess.DEVNULL,
        **run,
    )
    (data / "pg_hba.conf").write_text("local all postgres trust\nlocal all all scram-sha-256\n")
    settings = {
        "listen_addresses": "", "fsync": "off", "autovacuum": "off", "log_statement": "all",
        "log_min_duration_statement": "0", "log_error_verbosity": "verbose", "wal_level": "minimal",
        "max_wal_senders": "0", "shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "all",
        "jit": "off", "shared_buffers": "16MB",
    }  # fmt: skip
    options = [f"--{name}={value}" for name, value in settings.items()]
    with log.open("wb") as out:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", folder / "s", *options],
            stdout=out,
            stderr=out,
            cwd="/",
            **as_user,
        )
    try:
        admin = Target(label="admin", params={"host": str(folder / "s"), "user": "postgres", "dbname": "postgres"})
        ready = [programs / "pg_isready", "-q", "-h", folder / "s", "-t", "1"]
        while subprocess.run(ready, check=False, **as_user).returncode != 0:
            assert server.poll() is None, log.read_text()
        literal = PASSWORD.replace("'", "''")
        # The one statement that may say it is not logged.
        quiet = "SET log_statement = none; SET log_min_duration_statement = -1; SET pg_stat_statements.track = none"
        run_psql(admin, f"{quiet}; CREATE ROLE app LOGIN PASSWORD '{literal}'")
        run_psql(admin, "CREATE EXTENSION pg_stat_statements")
        yield LoggingServer(admin, log)
    finally:
        server.send_signal(signal.SIGINT)  # whoever is still there need not be waited for
        server.wait(60)
        shutil.rmtree(folder, ignore_errors=True)
