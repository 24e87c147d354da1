"""The query that finds the rows in the way: with them the statement fails, and without them it does not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import pgserver
from confiture.config import Environment
from confiture.config.dsn import to_uri
from confiture.hooks import INSPECTOR
from confiture.kernel import Kernel
from confiture.model import Schema, Statement, Target
from confiture.sql import effects_of

pytestmark = pytest.mark.anyio

#: What is there, a row that is in the way, the statement, how many rows its query shows.
CASES = [
    ("CREATE TABLE x (a int)", "INSERT INTO x VALUES (1), (NULL)", "ALTER TABLE x ALTER a SET NOT NULL", 1),
    ("CREATE TABLE x (a int)", "INSERT INTO x VALUES (1), (NULL)", "ALTER TABLE x ADD NOT NULL a", 1),
    ("CREATE TABLE x (a int)", "INSERT INTO x VALUES (1), (2)", "ALTER TABLE x ADD b int NOT NULL", 2),
    ("CREATE TABLE x (a int)", "INSERT INTO x VALUES (1), (-1), (NULL)", "ALTER TABLE x ADD CHECK (a > 0)", 1),
    ('CREATE TABLE x ("A b" int)', "INSERT INTO x VALUES (1), (1), (2)", 'ALTER TABLE x ADD UNIQUE ("A b")', 1),
    ("CREATE TABLE x (a int, b int)", "INSERT INTO x VALUES (1, 1), (1, 1), (2, NULL), (2, NULL)",
     "ALTER TABLE x ADD UNIQUE (a, b)", 1),
    ("CREATE TABLE x (a int)", "INSERT INTO x VALUES (1), (NULL), (NULL)",
     "ALTER TABLE x ADD UNIQUE NULLS NOT DISTINCT (a)", 1),
    ("CREATE TABLE x (a int)", "INSERT INTO x VALUES (1), (1), (NULL)", "ALTER TABLE x ADD PRIMARY KEY (a)", 2),
    ("CREATE TABLE x (a text, b int)", "INSERT INTO x VALUES ('A', 1), ('a', 1), ('b', 0), ('B', 0)",
     "CREATE UNIQUE INDEX ON x (lower(a)) WHERE b > 0", 1),
    ("CREATE TABLE y (id int PRIMARY KEY); INSERT INTO y VALUES (1); CREATE TABLE x (a int)",
     "INSERT INTO x VALUES (1), (2), (NULL)", "ALTER TABLE x ADD FOREIGN KEY (a) REFERENCES y", 1),
    ("CREATE TABLE y (i int, j int, UNIQUE (i, j)); INSERT INTO y VALUES (1, 1); CREATE TABLE x (a int, b int)",
     "INSERT INTO x VALUES (1, 1), (1, NULL), (NULL, NULL)",
     "ALTER TABLE x ADD FOREIGN KEY (a, b) REFERENCES y (i, j) MATCH FULL", 1),
    ("CREATE TABLE x (a int); INSERT INTO x VALUES (-1); ALTER TABLE x ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
     "SELECT 1", "ALTER TABLE x VALIDATE CONSTRAINT c", 1),
    ("CREATE TABLE y (id int PRIMARY KEY); CREATE TABLE x (a int); INSERT INTO x VALUES (3);"
     " ALTER TABLE x ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES y NOT VALID", "SELECT 1",
     "ALTER TABLE x VALIDATE CONSTRAINT c", 1),
    ("CREATE TABLE x (a int4range)", "INSERT INTO x VALUES ('[1,5)'), ('[4,6)'), ('[8,9)')",
     "ALTER TABLE x ADD EXCLUDE USING gist (a WITH &&)", 2),
    ("CREATE TABLE x (a text)", "INSERT INTO x VALUES ('1'), ('one'), (NULL)",
     "ALTER TABLE x ALTER a TYPE int USING a::int", 1),
    ("CREATE TABLE x (a text)", "INSERT INTO x VALUES ('abc'), ('abcd'), ('abc   ')",
     "ALTER TABLE x ALTER a TYPE varchar(3)", 1),
    ("CREATE TABLE x (a varchar(9))", "INSERT INTO x VALUES ('abc'), ('abcd')",
     "ALTER TABLE x ALTER a TYPE varchar(3)", 1),
    ("CREATE TABLE x (a bigint)", "INSERT INTO x VALUES (1), (3000000000)", "ALTER TABLE x ALTER a TYPE int", 1),
    ("CREATE TABLE x (a numeric)", "INSERT INTO x VALUES (1.5), (32767.5), (40000)",
     "ALTER TABLE x ALTER a TYPE smallint", 2),
    ("CREATE TABLE x (a numeric(8,2))", "INSERT INTO x VALUES (1), (123456.78)",
     "ALTER TABLE x ALTER a TYPE numeric(6,2)", 1),
    ("CREATE TYPE e AS ENUM ('a', 'b'); CREATE TYPE f AS ENUM ('a'); CREATE TABLE x (a e)",
     "INSERT INTO x VALUES ('a'), ('b')", "ALTER TABLE x ALTER a TYPE f USING a::text::f", 1),
    ("CREATE DOMAIN d AS int; CREATE TABLE x (a d); CREATE TABLE z (b d)",
     "INSERT INTO x VALUES (1), (-1); INSERT INTO z VALUES (-2)", "ALTER DOMAIN d ADD CHECK (VALUE > 0)", 2),
    ("CREATE DOMAIN d AS int CHECK (VALUE > 0); CREATE TABLE x (a int)", "INSERT INTO x VALUES (1), (-1)",
     "ALTER TABLE x ALTER a TYPE d", 1),
]  # fmt: skip


@pytest.fixture
def inspected(tmp_path: Path) -> Callable[[Target], Schema]:
    """The schema of a database."""

    async def read(target: Target) -> Schema:
        (tmp_path / "confiture.toml").write_text("")
        url = to_uri(target.params, password=True)
        async with Kernel(tmp_path).run(environment=Environment(name="local", database_url=url)) as run:
            return await run.get(INSPECTOR, "catalog").inspect(run, target)

    return read


def succeeds(target: Target, sql: str) -> bool:
    """Whether the server takes it."""
    command = [str(pgserver.binaries() / "psql"), "-Xqv", "ON_ERROR_STOP=1", "-d", to_uri(target.params), "-c", sql]
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.parametrize(("setup", "rows", "sql", "shown"), CASES, ids=[case[2] for case in CASES])
async def test_the_query_finds_the_rows_that_make_it_fail(database, psql, inspected, setup, rows, sql, shown):
    """The server decides: it refuses while the query finds rows, and takes the statement once they are gone."""
    psql(database, setup)
    before = await inspected(database)
    effects, hazards = effects_of(Statement(sql=sql), before)
    assert effects.fails_on_data
    assert effects.failing_rows is not None
    assert "fails-on-data" in {hazard.kind for hazard in hazards}
    psql(database, rows)
    count = f"SELECT count(*) FROM ({effects.failing_rows}) AS found"
    assert psql(database, count) == str(shown)
    assert not succeeds(database, sql)
    psql(database, "TRUNCATE x" + (", z" if "TABLE z" in setup else ""))
    assert psql(database, count) == "0"
    assert succeeds(database, sql)
