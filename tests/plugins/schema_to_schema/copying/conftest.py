"""An old database with tables of several shapes, a new one, a map, and a project that copies in small chunks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from confiture.model import Target
from conftest import ProjectFolder, run_psql
from forked import At, Forked

CONFIG = '[schema-to-schema]\nstrategy = "copy"\nchunk_mb = 0\ncapture = "none"\n'
OLD = """
    CREATE TABLE people (id int PRIMARY KEY, email text, note text);
    CREATE TABLE "My ""T.x"" s" ("Id" int, "K.k" text, v text, PRIMARY KEY ("Id", "K.k"));
    CREATE TABLE bare (v text);
    CREATE TABLE cats (id uuid PRIMARY KEY, name text);
    CREATE TABLE dogs (name text, weight int);
    CREATE TABLE logs (at int, id int, line text, PRIMARY KEY (at, id)) PARTITION BY RANGE (at);
    CREATE TABLE logs_a PARTITION OF logs FOR VALUES FROM (0) TO (40);
    CREATE TABLE logs_b PARTITION OF logs DEFAULT;
    CREATE TABLE one (id int PRIMARY KEY, v text);
    CREATE TABLE no_rows (id int PRIMARY KEY);
    INSERT INTO people SELECT n, 'p' || n || '@x.org', repeat('n', n % 90) FROM generate_series(1, 250) AS n;
    INSERT INTO "My ""T.x"" s" SELECT n, chr(64 + n % 60), repeat('v', n % 70) FROM generate_series(1, 200) AS n;
    INSERT INTO bare SELECT repeat('b', n % 80) FROM generate_series(1, 400) AS n;
    INSERT INTO cats SELECT md5(n::text)::uuid, 'cat ' || n || repeat('.', n % 40) FROM generate_series(1, 150) AS n;
    INSERT INTO dogs SELECT 'dog' || repeat('.', n % 60), n FROM generate_series(1, 250) AS n;
    INSERT INTO logs SELECT n % 80, n, 'line ' || n || repeat('.', n % 30) FROM generate_series(1, 200) AS n;
    INSERT INTO one VALUES (1, 'one');
    ANALYZE;
"""
NEW = """
    CREATE TABLE folk (id int PRIMARY KEY, mail text UNIQUE, note varchar(200));
    CREATE TABLE notes (id int PRIMARY KEY REFERENCES folk, size int);
    CREATE TABLE "My ""T.x"" s" (v text, "Id" bigint, "K.k" text, PRIMARY KEY ("Id", "K.k"));
    CREATE TABLE bare (v text);
    CREATE TABLE pets (kind text NOT NULL, id uuid, name text, weight int);
    CREATE TABLE logs (at int, id int, line text, PRIMARY KEY (at, id)) PARTITION BY RANGE (at);
    CREATE TABLE logs_a PARTITION OF logs FOR VALUES FROM (0) TO (20);
    CREATE TABLE logs_b PARTITION OF logs DEFAULT;
    CREATE TABLE one (id int PRIMARY KEY, v text);
    CREATE TABLE no_rows (id int PRIMARY KEY);
"""
MAP = """
tables:
  people:
    into:
      - target: folk
        columns: {email: mail}
      - target: notes
        columns: {note: {target: size, transform: length(note)}}
        drop: [email]
  cats:
    target: pets
    defaults: {kind: "'cat'", weight: 'NULL::int'}
  dogs:
    target: pets
    defaults: {kind: "'dog'", id: 'NULL::uuid'}
"""
#: What each new table is to have, over the old database.
EXPECTED = {
    "folk": "SELECT id, email, note FROM people",
    "notes": "SELECT id, length(note) FROM people",
    '"My ""T.x"" s"': 'SELECT v, "Id", "K.k" FROM "My ""T.x"" s"',
    "bare": "SELECT v FROM bare",
    "pets": "SELECT 'cat', id, name, NULL::int FROM cats UNION ALL SELECT 'dog', NULL, name, weight FROM dogs",
    "logs": "SELECT at, id, line FROM logs",
    "one": "SELECT id, v FROM one",
    "no_rows": "SELECT id FROM no_rows",
}
SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)
_SUM = "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM ({}) AS t"


class Move:
    """An old database and a new one, and a way to copy."""

    old, schema = OLD, NEW

    def __init__(self, project: ProjectFolder, new_database: Callable[[], Target], kernel_run: Any) -> None:
        self.project = project
        self._kernel_run = kernel_run
        self.source, self.target = new_database(), new_database()
        run_psql(self.source, OLD)
        run_psql(self.target, NEW)
        project.environment_for(self.source, "production")
        project.environment_for(self.target, "production_new")

    async def __call__(self, *, observers: Any = (), registry: Any = None, **values: Any) -> Any:
        values = {"jobs": 2} | values
        return await self.start("schema-to-schema", observers=observers, registry=registry, **values)

    async def start(self, medium: str, *, observers: Any = (), registry: Any = None, **values: Any) -> Any:
        settings = {"database": self.source, "registry": registry, "observers": observers}
        async with self._kernel_run(self.project, **settings) as run:
            return await run.start(medium, **values)

    def forked(self, at: At | None, signal_name: str = "SIGKILL", **values: Any) -> Forked:
        """A process that sends itself a signal at its event of that number, from the first row on."""
        return Forked(self.project.root, "schema-to-schema", at, signal_name, **{"jobs": 2} | values)

    async def kill(self, at: At, **values: Any) -> None:
        """Run it in a process that ends itself by SIGKILL."""
        process = self.forked(at, **values)
        assert process.end() == "SIGKILL"
        await self.no_session_of(process)

    async def no_session_of(self, process: Forked, but: str = "false") -> None:
        """None of it is left, that of its lock neither, which is in another database; save ``but``, in SQL."""
        ours = f"application_name LIKE 'confiture {process.pid}@%' AND ({but}) IS NOT TRUE"
        with anyio.fail_after(60):
            while run_psql(self.target, f"SELECT count(*) FROM pg_stat_activity WHERE {ours}") != "0":
                await anyio.sleep(0.01)

    async def no_session(self) -> None:
        """None is left on either side; the server sees that one is gone in a moment."""
        with anyio.fail_after(60):
            while sum(int(run_psql(place, SESSIONS)) for place in (self.source, self.target)):
                await anyio.sleep(0.01)

    @property
    def contents(self) -> dict[str, str]:
        """A sum of the rows of each new table, by psql."""
        return self._sums(self.target, {name: f"SELECT * FROM {name}" for name in EXPECTED})

    @property
    def expected(self) -> dict[str, str]:
        """What they are to be."""
        return self._sums(self.source, EXPECTED)

    def _sums(self, place: Target, queries: dict[str, str]) -> dict[str, str]:
        found = run_psql(place, "; ".join(_SUM.format(query) for query in queries.values()))
        return dict(zip(queries, found.splitlines(), strict=True))


@pytest.fixture
def move(project, new_database, kernel_run) -> Move:
    project.config(CONFIG)
    project.write("db/migration_map.yaml", MAP)
    return Move(project, new_database, kernel_run)
