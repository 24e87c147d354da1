"""A source with tables of several shapes, targets of its schema, and a project that copies in small parts."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from confiture.model import Target
from conftest import ProjectFolder, run_psql, wait_gone

SCHEMA = """
    CREATE TABLE people (id int PRIMARY KEY, boss int REFERENCES people, email text UNIQUE, note text);
    CREATE TABLE "My ""T.x"" s" ("Id" int PRIMARY KEY, person int NOT NULL REFERENCES people, v text);
    CREATE TABLE logs (at int NOT NULL, who int REFERENCES people, line text) PARTITION BY RANGE (at);
    CREATE TABLE logs_a (line text, who int, at int NOT NULL); ALTER TABLE logs ATTACH PARTITION logs_a
        FOR VALUES FROM (0) TO (400);
    CREATE TABLE logs_b PARTITION OF logs DEFAULT;
    CREATE TABLE no_rows (id int);
    CREATE TABLE bare (v text);
    CREATE TABLE alike (id int PRIMARY KEY);
"""
ROWS = """
    INSERT INTO people SELECT n, nullif(n / 2, 0), 'p' || n || '@x.org', repeat('n', n % 90) FROM generate_series(1, 900) AS n;
    INSERT INTO "My ""T.x"" s" SELECT n, 1 + n % 900, repeat('v', n % 70) FROM generate_series(1, 700) AS n;
    INSERT INTO logs SELECT n % 800, 1 + n % 900, 'line ' || n FROM generate_series(1, 900) AS n;
    INSERT INTO alike SELECT 501 - n FROM generate_series(1, 500) AS n;
    INSERT INTO bare SELECT repeat('b', n % 5) FROM generate_series(1, 30) AS n;
"""  # noqa: E501
TABLES = ("people", '"My ""T.x"" s"', "logs", "no_rows", "bare", "alike")
RULES = """
anonymize:
  people:
    email: "user_{id}@example.com"
    note: {keep: "made of n"}
  '"My ""T.x"" s"':
    v: {kind: hash}
"""
SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)

#: What clean runs came to.
_CLEAN: dict[tuple[str, str, str], str] = {}

_KILLED = """
import anyio, os, signal
from confiture import Kernel
seen = 0
def kill(event):
    global seen
    begun = seen or getattr(event, "step", "") == "sync.rows"
    seen += bool(begun)
    if {at!r} in (seen, getattr(event, "step", "")):
        os.kill(os.getpid(), signal.SIGKILL)
async def main():
    print(os.getpid(), flush=True)
    async with Kernel({root!r}, observers=[kill]).run(env="production") as run:
        await run.start("sync", **{values!r})
anyio.run(main)
"""


class Sync:
    """One source, one or two targets, and a way to copy."""

    def __init__(self, project: ProjectFolder, new_database: Callable[[], Target], kernel_run: Any) -> None:
        self.project = project
        self.rules = RULES
        self._new_database = new_database
        self._kernel_run = kernel_run
        self.source = new_database()
        run_psql(self.source, SCHEMA + ROWS)
        project.environment_for(self.source, "production")
        self.target = self.new_target("local")

    def new_target(self, name: str) -> Target:
        found = self._new_database()
        run_psql(found, SCHEMA)
        self.project.environment_for(found, name)
        return found

    async def __call__(self, *, observers: Any = (), **values: Any) -> Any:
        values = {"source": "production", "target": "local", "resumable": True} | values
        async with self._kernel_run(self.project, database=self.source, observers=observers) as run:
            return await run.start("sync", **values)

    async def kill(self, at: int | str, **values: Any) -> None:
        """Run it in a process that ends itself by SIGKILL at its event of that number, or at a step."""
        values = {"source": "production", "target": "local", "resumable": True} | values
        script = _KILLED.format(root=str(self.project.root), at=at, values=values)
        with anyio.fail_after(120):
            done = await anyio.run_process([sys.executable, "-c", script], check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
        wait_gone(self.source, int(done.stdout))  # the server sees it in a moment

    async def clean(self, name: str = "clean", **values: Any) -> str:
        """What one run into an empty target comes to: of the same rows, by the same rules, the same."""
        rules = (self.project.root / "db" / "sync_config.yaml").read_text()
        known = (contents(self.source), rules, repr(sorted(values.items())))
        if known not in _CLEAN:
            target = self.new_target(name)
            await self(target=name, **values)
            _CLEAN[known] = contents(target)
        return _CLEAN[known]

    async def settle(self) -> None:
        """Wait until snapshots see that all rows are written: a transaction in any database of the server hides it.

        Of what may have been written meanwhile, a resumed run copies anew. Tests of what it keeps need this.
        """
        written = int(run_psql(self.source, "SELECT pg_current_xact_id()"))
        with anyio.fail_after(120):
            while int(run_psql(self.source, "SELECT pg_snapshot_xmin(pg_current_snapshot())")) <= written:
                await anyio.sleep(0.05)

    async def no_session_left(self) -> None:
        """On either side: a backend ends after its client has."""
        with anyio.fail_after(60):
            while sum(int(run_psql(place, SESSIONS)) for place in (self.source, self.target)):
                await anyio.sleep(0.01)

    @property
    def contents(self) -> str:
        return contents(self.target)


def contents(target: Target) -> str:
    """A sum of the rows of each table, by psql."""
    queries = [
        f"SELECT '{table}', count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} AS t"
        for table in TABLES
    ]
    return run_psql(target, "; ".join(queries))


@pytest.fixture
def sync(project, new_database, kernel_run, monkeypatch) -> Sync:
    monkeypatch.setenv("CONFITURE_ANONYMIZATION_KEY", "0123456789abcdef0123456789abcdef")
    project.config("[sync]\nchunk_mb = 0\n")
    project.write("db/sync_config.yaml", RULES)
    return Sync(project, new_database, kernel_run)
