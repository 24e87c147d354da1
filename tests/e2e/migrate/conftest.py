"""A history that holds every sort of statement, processes that run it, wires and servers to cut."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

import pgserver
from confiture.config.dsn import to_uri
from e2e.migrate.servers import DEBIAN_15, OwnServer
from e2e.migrate.wire import Wire

#: What the whole history comes to is the same in whatever pieces it was run: each INSERT counts how often it was run.
HISTORY = {
    "001_tables.up.sql": "CREATE TABLE log (what text);\nCREATE TABLE a (id int PRIMARY KEY, n int);\n"
    "INSERT INTO a SELECT g, NULL FROM generate_series(1, 500) g;\nINSERT INTO log VALUES ('001');\n",
    "002_index.up.sql": "CREATE INDEX CONCURRENTLY a_n ON a (n);\n",
    "003_mixed.up.sql": "ALTER TABLE a ADD COLUMN mixed int;\nINSERT INTO log VALUES ('003 first');\n"
    "CREATE UNIQUE INDEX CONCURRENTLY a_mixed ON a (id, mixed);\nINSERT INTO log VALUES ('003 second');\n"
    "DROP INDEX CONCURRENTLY a_n;\n",
    "004_enum.up.sql": "CREATE TYPE mood AS ENUM ('sad');\nINSERT INTO log VALUES ('004');\n",
    "005_value.up.sql": "ALTER TYPE mood ADD VALUE 'ok';\nCREATE TABLE moods (m mood DEFAULT 'ok');\n"
    "INSERT INTO log VALUES ('005');\n",
    "006_vacuum.up.sql": "VACUUM a;\nINSERT INTO log VALUES ('006');\n",
    "007_copy.up.sql": "COPY log FROM stdin;\n007\n\\.\nREINDEX TABLE CONCURRENTLY a;\n",
    "008_fill.py": "from confiture.models.migration import Migration\n\n\nclass Fill(Migration):\n"
    '    version = "008"\n    name = "fill"\n\n    def up(self):\n'
    "        self.execute(\"INSERT INTO log VALUES ('008')\")\n"
    '        self.backfill("a", set="n = id * 2", where="n IS NULL", batch_rows=100)\n'
    '        self.execute("ALTER TABLE a ALTER COLUMN n SET NOT NULL")\n',
}
LOG = "001,003 first,003 second,004,005,006,007,008"


@pytest.fixture
def history(project):
    """The project with :data:`HISTORY`."""
    for name, text in HISTORY.items():
        project.write(f"db/migrations/{name}", text)
    return project


def wait_for(question: Callable[[], object], seconds: float = 60.0) -> None:
    """Ask until the answer is yes."""
    deadline = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.02)


class Process:
    """``confiture migrate ...`` as a real process."""

    def __init__(self, root, target, *arguments, command="up", environment=None):
        url = to_uri(target.params)
        full = [sys.executable, "-m", "confiture", "migrate", command, "--database-url", url, "--project", str(root)]
        self._process = subprocess.Popen(
            [*full, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})}, text=True,
        )  # fmt: skip
        self.out = self.errors = ""

    @property
    def running(self):
        return self._process.poll() is None

    def send(self, number):
        self._process.send_signal(number)

    def kill(self):
        """SIGKILL, and see it gone."""
        self.send(signal.SIGKILL)
        self.wait()

    def wait(self, seconds=180.0):
        """The exit code; ``out`` and ``errors`` are what it said."""
        try:
            self.out, self.errors = self._process.communicate(timeout=seconds)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.communicate()
        return self._process.returncode

    def json(self):
        return json.loads(self.out)


@pytest.fixture
def confiture() -> Iterator[Callable[..., Process]]:
    """``confiture(root, target, *arguments)``: a process; none outlives the test."""
    made: list[Process] = []

    def start(root, target, *arguments, **values):
        made.append(Process(root, target, *arguments, **values))
        return made[-1]

    yield start
    for process in made:
        if process.running:
            process.kill()
        elif not process.out and not process.errors:
            process.wait()


@pytest.fixture
def wire(database) -> Iterator[Wire]:
    """A wire to the test's database that is cut."""
    made = Wire(database)
    yield made
    made.end()


@pytest.fixture
def holding_wire(database) -> Iterator[Wire]:
    """A wire to the test's database that falls silent."""
    made = Wire(database, held=True)
    yield made
    made.end()


@pytest.fixture(scope="session")
def own_server(server) -> Iterator[OwnServer]:
    """A server of the same version, which tests may stop; they leave it running."""
    made = OwnServer()
    yield made
    made.end()


@pytest.fixture(scope="session")
def debian_server() -> Iterator[OwnServer]:
    """PostgreSQL 15."""
    if not DEBIAN_15.exists():
        pytest.skip("PostgreSQL 15 is not installed")
    made = OwnServer(DEBIAN_15)
    yield made
    made.end()


_number = itertools.count(1)


@pytest.fixture
def own_database(own_server, psql):
    """A fresh database on :func:`own_server`."""
    name = f"own_{next(_number)}"
    psql(own_server.target, f"CREATE DATABASE {name}")
    return own_server.target.with_database(name)


def dump(target) -> str:
    """The schema as pg_dump has it."""
    command = [pgserver.binaries() / "pg_dump", "-s", "--restrict-key=x", "-d", to_uri(target.params)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class Judge:
    """Says whether a database is what an undisturbed run of :data:`HISTORY` leaves."""

    def __init__(self, psql, expected):
        self._psql = psql
        self._expected = expected

    def __call__(self, target):
        psql = self._psql
        assert dump(target) == self._expected
        assert psql(target, "SELECT string_agg(what, ',' ORDER BY what) FROM log") == LOG
        assert psql(target, "SELECT count(*), sum(n) FROM a") == "500|250500"
        assert psql(target, "SELECT count(*) FROM pg_index WHERE NOT indisvalid OR NOT indisready") == "0"
        applied = psql(target, "SELECT version FROM confiture.confiture_migrations WHERE state = 'applied' ORDER BY 1")
        assert applied.split() == [f"00{number}" for number in range(1, 9)]
        others = (
            "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity USING (pid) WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND locktype = 'advisory'"
        )
        wait_for(lambda: psql(target, others) == "0")  # a server process ends a moment later than its client


@pytest.fixture(scope="session")
def undisturbed(new_database, psql, tmp_path_factory) -> Judge:
    """See :class:`Judge`."""
    root = tmp_path_factory.mktemp("undisturbed")
    (root / "db/migrations").mkdir(parents=True)
    (root / "confiture.toml").write_text("")
    for name, text in HISTORY.items():
        (root / "db/migrations" / name).write_text(text)
    target = new_database()
    process = Process(root, target)
    assert process.wait() == 0, process.errors
    return Judge(psql, dump(target))
