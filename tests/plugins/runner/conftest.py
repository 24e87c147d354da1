"""Plans from texts, and an executor that keeps the events of its last run."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

import pgserver
from confiture.hooks import EXECUTOR
from confiture.model import Event, Execution, ExecutionReport, Plan, SourceFile, Target
from confiture.sql import read_script


@pytest.fixture(scope="session")
def plan_of() -> Callable[..., Plan]:
    """``plan_of(text, ...)``: the plan of files named a.sql, b.sql, ..."""

    def plan_of(*texts: str) -> Plan:
        return read_script([SourceFile(f"{chr(97 + number)}.sql", text) for number, text in enumerate(texts)])

    return plan_of


class Execute:
    """``await execute(plan, atomic=False)`` on the test's database; ``events`` are those of the last call."""

    def __init__(self, kernel_run, database) -> None:
        self._kernel_run = kernel_run
        self.target = database
        self.events: list[Event] = []

    async def __call__(self, plan: Plan, **execution) -> ExecutionReport:
        self.events = []
        async with self._kernel_run(database=self.target, observers=[self.events.append]) as run:
            runner = run.get(EXECUTOR, "runner")
            return await runner.execute(run, plan, self.target, Execution(**execution))


@pytest.fixture
def execute(kernel_run, database) -> Execute:
    return Execute(kernel_run, database)


@pytest.fixture
def given(kernel_run, database):
    """``async with given() as (connection, execute)``: ``execute(plan, **execution)`` runs on the connection."""

    @asynccontextmanager
    async def open_(**kwargs):
        async with kernel_run(database=database, **kwargs) as run, run.connect(database) as connection:

            async def execute(plan, **execution):
                runner = run.get(EXECUTOR, "runner")
                return await runner.execute(run, plan, database, Execution(**execution), connection=connection)

            execute.run = run
            yield connection, execute

    return open_


@pytest.fixture
def execute_small(kernel_run, small_server) -> Execute:
    """The same on the small server, whose database ``postgres`` must be left as it was."""
    return Execute(kernel_run, small_server)


def _programs() -> Path:
    copied = Path(os.environ[pgserver.SESSION_VARIABLE]) / "pginstall" / "bin"
    return copied if copied.exists() else pgserver.binaries()  # copied where the wheel's may not be run


@contextmanager
def _server(name: str, make: Callable[[Path], list[Any]], *options: str) -> Iterator[Target]:
    """A server whose data folder the command of ``make`` makes."""
    folder = Path(os.environ[pgserver.SESSION_VARIABLE]) / f"{name}-{os.getpid()}"
    folder.mkdir()
    run = pgserver.unprivileged()
    if run:
        shutil.chown(folder, run["user"], run["group"])
    data, programs = folder / "data", _programs()
    subprocess.run(make(data), check=True, stdout=subprocess.DEVNULL, cwd="/", **run)
    postgres = [programs / "postgres", "-D", data, "-k", folder, "--listen-addresses=", "--fsync=off", *options]
    process = subprocess.Popen(postgres, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **run)
    ready = [programs / "pg_isready", "-q", "-h", folder]
    deadline = time.monotonic() + 60
    while subprocess.run(ready, check=False).returncode != 0:
        assert process.poll() is None, "it ended"
        assert time.monotonic() < deadline, "it does not answer"
        time.sleep(0.02)
    yield Target(label=name, params={"host": str(folder), "user": "postgres", "dbname": "postgres"})
    process.terminate()
    process.wait(60)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def small_server(server) -> Iterator[Target]:
    """A server of its own, with default settings: what exhausts its lock table would fail the others' tests."""

    def initdb(data: Path) -> list[Any]:
        command = [_programs() / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"]
        return [*command, "-E", "UTF8", "--locale=C.UTF-8"]

    with _server("small", initdb, "--max-prepared-transactions=4") as target:
        yield target


@pytest.fixture
def replicated(kernel_run, small_server, psql) -> Iterator[tuple[Target, Target, Execute]]:
    """The small server, a replica of it, and ``execute`` on the first."""

    def base_backup(data: Path) -> list[Any]:
        host = small_server.params["host"]
        source = f"host={host} user=postgres application_name=standby"
        return [_programs() / "pg_basebackup", "-D", data, "-d", source, "-R", "-c", "fast", "--no-sync"]

    with _server("standby", base_backup, "--max-prepared-transactions=4") as standby:
        yield small_server, standby, Execute(kernel_run, small_server)
    psql(small_server, "DROP TABLE users; DROP ROLE IF EXISTS plain")


@pytest.fixture
def execute_prepared(kernel_run, small_server):
    """The small server and ``execute`` on it: it allows prepared transactions."""
    return small_server, Execute(kernel_run, small_server)
