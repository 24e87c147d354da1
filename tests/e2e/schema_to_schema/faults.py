"""Two servers that may be harmed, an old database on one of them, and what is to be in a new one on the other."""

from __future__ import annotations

import time
from collections.abc import Callable

from confiture.model import Target
from conftest import ProjectFolder, run_psql
from e2e.migrate.servers import OwnServer
from e2e.schema_to_schema.moves import Move, contents, dump, sums

OLD = """
CREATE TABLE clients (id int PRIMARY KEY, full_name text NOT NULL, email text, note text);
CREATE TABLE orders (
    id bigint PRIMARY KEY, client int NOT NULL REFERENCES clients, at timestamptz NOT NULL, cents int NOT NULL, doc text
);
CREATE TABLE bare (v text);
CREATE TABLE small (id int PRIMARY KEY);
INSERT INTO clients SELECT n, 'client ' || n, 'c' || n || '@example.org', repeat('n', n % 200)
  FROM generate_series(1, 2000) n;
INSERT INTO orders SELECT n, 1 + n % 2000, '2024-01-01 00:00+00'::timestamptz + n * interval '1 min', n,
       md5(n::text) || repeat('.', 80 + n % 150) FROM generate_series(1, 24000) n;
INSERT INTO bare SELECT repeat('b', n % 300) FROM generate_series(1, 3000) n;
INSERT INTO small SELECT generate_series(1, 10);
ANALYZE;
"""
NEW = """
CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL, mail text UNIQUE, note varchar(300));
CREATE TABLE orders (
    id bigint PRIMARY KEY, person_id int NOT NULL REFERENCES people, at timestamptz NOT NULL,
    amount numeric(12, 2) NOT NULL CHECK (amount > 0), doc text
);
CREATE INDEX orders_by_person ON orders (person_id, at);
CREATE UNIQUE INDEX orders_by_doc ON orders (doc);
CREATE TABLE bare (v text);
CREATE TABLE small (id int PRIMARY KEY);
CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER swallow BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION no();
"""
MAP = """
tables:
  clients:
    target: people
    columns: {full_name: name, email: mail}
  orders:
    columns:
      client: person_id
      cents: {target: amount, transform: "cents / 100.0"}
"""
EXPECTED = {
    "people": "SELECT * FROM clients",
    "orders": "SELECT id, client, at, (cents / 100.0)::numeric(12, 2), doc FROM orders",
    "bare": "SELECT * FROM bare",
    "small": "SELECT * FROM small",
}
_CHUNKS = "SELECT count(*) - count(xid), count(xid) FROM confiture.confiture_move_chunks"
_FINISHED = "SELECT count(*) FROM confiture.confiture_moves WHERE finished IS NOT NULL"
_ATTEMPTS = "SELECT coalesce(max(attempt), 0) FROM confiture.confiture_moves"


class Servers:
    """``old`` has the old database; new ones come to ``new``."""

    def __init__(self) -> None:
        self.old, self.new = OwnServer(), OwnServer()
        run_psql(self.old.target, "CREATE DATABASE old")
        self.source = self.old.target.with_database("old")
        run_psql(self.source, OLD)
        self.rows = sums(self.source, EXPECTED)
        self._made = 0
        self._built = ""

    def move(self, project: ProjectFolder) -> Move:
        """Into a database that is not there yet."""
        self._made += 1
        project.config("[schema-to-schema]\ncapture = 'none'\nchunk_mb = 1\njobs = 2\n")
        project.schema("10_all.sql", NEW)
        moved = Move(project, self.source, self.new.target.with_database(f"new{self._made}"))
        moved.map(MAP)
        return moved

    def built(self, project: ProjectFolder) -> str:
        """The schema of a plain build, by pg_dump. The project's new database is another one then."""
        if not self._built:
            plain = self.move(project)
            done = plain.confiture("build", "--env", "production_new", "--yes")
            assert done.returncode == 0, done.stderr
            self._built = dump(plain.target)
            plain.drop()
        return self._built

    def end(self) -> None:
        """Stop both."""
        self.old.end()
        self.new.end()


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for it."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def is_there(target: Target) -> bool:
    """Whether the new database has come to be, with the tables of the state."""
    found = "SELECT count(*) FROM pg_database WHERE datname = '{}'"
    if run_psql(target.with_database("postgres"), found.format(target.database)) == "0":
        return False
    return run_psql(target, "SELECT to_regclass('confiture.confiture_move_chunks') IS NOT NULL") == "t"


def attempts(target: Target) -> int:
    """How often the run was begun or gone on with."""
    return int(run_psql(target, _ATTEMPTS)) if is_there(target) else 0


def is_finished(target: Target) -> bool:
    """Whether there is a run that came to its end."""
    return is_there(target) and run_psql(target, _FINISHED) != "0"


def chunks(target: Target) -> tuple[int, int]:
    """How many are left, and done."""
    if not is_there(target):
        return (0, 0)
    left, done = run_psql(target, _CHUNKS).split("|")
    return int(left), int(done)


def in_the_middle(target: Target, least: int = 1) -> bool:
    """Some chunks are done, and so many at least are not."""
    left, done = chunks(target)
    return done > 0 and left >= least


def found(target: Target) -> dict[str, str]:
    """What is there of :data:`EXPECTED`."""
    return contents(target, EXPECTED)
