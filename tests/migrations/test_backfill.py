"""Backfills in batches, on a real server: psql runs what was recorded."""

from __future__ import annotations

import threading
import time

import pytest

from confiture.errors import SourceError, SyntaxInvalid
from confiture.migrations.backfill import Backfill, backfill_statement
from confiture.model import SourceFile
from confiture.models.migration import Migration
from confiture.sql import read_file

USERS = """
CREATE TABLE "Users" (id int PRIMARY KEY, name text, email text);
INSERT INTO "Users" SELECT n, 'u' || n FROM generate_series(1, 5000) n;
"""


def backfill(*arguments, **options) -> str:
    class Fill(Migration):
        version = "001"

        def up(self) -> None:
            self.backfill(*arguments, **options)

    migration = Fill()
    migration.up()
    (statement,) = migration.statements
    assert isinstance(statement, Backfill)
    assert (statement.kind, statement.transactional) == ("DoStmt", False)
    return statement.sql + ";"


@pytest.mark.parametrize("analyzed", [True, False])
def test_all_rows_in_several_transactions(database, psql, analyzed):
    """Statistics or none; quotes, backslashes, percent signs and a comment are the user's own."""
    psql(database, USERS + ("ANALYZE;" if analyzed else ""))
    sql = backfill('"Users"', set="email = name || E'%s''\\\\$$' -- so", where="email IS NULL -- yet", batch_rows=500)
    psql(database, sql)
    assert psql(database, """SELECT count(*), min(email) FROM "Users" WHERE email = name || E'%s''\\\\$$'""") == (
        "5000|u1%s'\\$$"
    )
    assert 5 <= int(psql(database, 'SELECT count(DISTINCT xmin::text) FROM "Users"')) <= 60


def test_only_rows_that_match(database, psql):
    psql(database, USERS)
    psql(database, backfill('public."Users"', set="email = 'x'", where="email IS NULL AND (id < 10 OR id > 4990)"))
    assert psql(database, 'SELECT count(*) FROM "Users" WHERE email IS NOT NULL') == "19"


def test_partitions_and_children(database, psql):
    """A row's place is one in its own partition. The condition may name the table that was asked for."""
    psql(
        database,
        "CREATE TABLE p (id int, done bool DEFAULT false) PARTITION BY RANGE (id);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1000);"
        "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (1000) TO (3000) PARTITION BY LIST (id);"
        "CREATE TABLE p21 PARTITION OF p2 DEFAULT;"
        "INSERT INTO p SELECT generate_series(0, 2999);"
        "CREATE TABLE i (id int, done bool DEFAULT false); CREATE TABLE ic () INHERITS (i);"
        "INSERT INTO i VALUES (1); INSERT INTO ic VALUES (2);",
    )
    psql(database, backfill("p", set="done = true", where="NOT p.done", batch_rows=100))
    psql(database, backfill("i AS x", set="done = true", where="NOT x.done"))
    assert psql(database, "SELECT count(*) FROM p WHERE done") == "3000"
    assert psql(database, "SELECT count(*) FROM i WHERE done") == "2"


def test_what_was_done_is_kept_and_the_rest_can_follow(database, psql):
    """A failure in the middle costs one batch."""
    psql(database, USERS + 'ALTER TABLE "Users" ADD CHECK (id <> 4000 OR email IS NULL); ANALYZE;')
    sql = backfill('"Users"', set="email = 'x'", where="email IS NULL", batch_rows=500)
    with pytest.raises(AssertionError, match="violates check constraint"):
        psql(database, sql)
    assert 3000 < int(psql(database, """SELECT count(*) FROM "Users" WHERE email = 'x'""")) < 4000
    psql(database, 'ALTER TABLE "Users" DROP CONSTRAINT "Users_check"')
    psql(database, sql)
    assert psql(database, """SELECT count(*) FROM "Users" WHERE email = 'x'""") == "5000"


def test_a_condition_that_always_holds_ends(database, psql):
    """With the reason, not never."""
    psql(database, USERS)
    with pytest.raises(AssertionError, match="rows still match after 20 passes"):
        psql(database, backfill('"Users"', set="email = 'x'", where="true", batch_rows=1_000_000_000))


def test_a_writer_loses_nothing(database, psql):
    """Rows that it moves to pages that have been passed are found; what it wrote is not overwritten."""
    psql(database, USERS + 'ALTER TABLE "Users" ADD COLUMN n int DEFAULT 0;')
    stop = threading.Event()
    written = []

    def write() -> None:
        while not stop.is_set():
            psql(database, f'UPDATE "Users" SET n = n + 1 WHERE id % 7 = {len(written) % 7}')
            written.append(None)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not written:
            time.sleep(0.01)
        psql(database, backfill('"Users"', set="email = name", where="email IS NULL", batch_rows=100))
    finally:
        stop.set()
        writer.join()
    assert psql(database, 'SELECT count(*) FROM "Users" WHERE email = name') == "5000"
    rows = sum(len(range(number % 7 or 7, 5001, 7)) for number in range(len(written)))
    assert psql(database, 'SELECT sum(n) FROM "Users"') == str(rows)


def test_the_block_is_known_to_commit(database, psql):
    """Also when it is read back from plain SQL: in a transaction PostgreSQL refuses it."""
    sql = backfill("users", set="a = 1", where="a IS NULL")
    assert [one.transactional for one in read_file(SourceFile("x.up.sql", sql))] == [False]
    blocks = [
        ("DO $$ BEGIN PERFORM 'COMMIT'; END $$", True),
        ("DO LANGUAGE plpgsql $$ BEGIN IF true THEN ROLLBACK; END IF; END $$", False),
        ("DO $$ BEGIN /* commit */ NULL; END $$", True),
        ("DO $$ BEGIN LOOP BEGIN NULL; END; COMMIT; EXIT; END LOOP; END $$", False),
    ]
    for block, transactional in blocks:
        (statement,) = read_file(SourceFile("x.sql", block))
        assert (block, statement.transactional) == (block, transactional)
        psql(database, block)  # alone, each of them runs
        if not transactional:
            with pytest.raises(AssertionError, match="invalid transaction termination"):
                psql(database, f"BEGIN; {block}; COMMIT")
        else:
            psql(database, f"BEGIN; {block}; COMMIT")


def test_at_once_is_one_update(database, psql):
    """For a database that nobody uses."""
    psql(database, USERS)
    statement = backfill_statement('"Users" u', "email = name -- so", "u.email IS NULL -- yet", 10)
    psql(database, statement.at_once)
    assert psql(database, 'SELECT count(*), count(DISTINCT xmin::text) FROM "Users" WHERE email = name') == "5000|1"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("users", "a = ", "b", 10), SyntaxInvalid),
        (("users", "a = 1", "b IS", 10), SyntaxInvalid),
        (("users; DROP TABLE x", "a = 1", "b", 10), SyntaxInvalid),
        (("users SET a = 1; SELECT 1; UPDATE x", "a = 1", "b", 10), SourceError),
        (("users", "a = 1 WHERE b; DELETE FROM x", "b", 10), SourceError),
        (("users", "a = 1 WHERE c", "b", 10), SourceError),
        (("users", "a = 1 FROM c", "b", 10), SourceError),
        (("users", "a = 1", "b); DELETE FROM x WHERE (c", 10), SourceError),
        (("users", "a = 1", "b", 0), SourceError),
    ],
)
def test_what_is_no_part_of_one_update(arguments, error):
    """Its parts are put together as text: they must stay what they are called."""
    with pytest.raises(error) as caught:
        backfill_statement(*arguments)
    assert caught.value.hint
