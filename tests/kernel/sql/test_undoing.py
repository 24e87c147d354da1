"""What is lost by statements that take others back: who decides whether a down may run must not be wrong here."""

from __future__ import annotations

import pytest

from confiture.model import Schema, SchemaObject, SourceFile
from confiture.sql import read_file
from confiture.sql.effects import Step, lost


def read(sql: str):
    return read_file(SourceFile("given.sql", sql), migration=True)


def lost_by(up: str, down: str, before: Schema | None = None) -> list[str]:
    (found,) = lost([Step(read(down), read(up))], before)
    return [what for _, what in found]


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("ALTER TABLE users ADD COLUMN bio text", "ALTER TABLE users DROP COLUMN bio"),
        ('ALTER TABLE "Users" ADD COLUMN "Bio" text', 'ALTER TABLE public."Users" DROP COLUMN "Bio"'),
        ("CREATE TABLE a (id int)", "DROP TABLE a"),
        ("CREATE TABLE public.a (id serial)", "DROP TABLE IF EXISTS a CASCADE"),
        ("CREATE TABLE a AS SELECT 1 AS x", "DROP TABLE a"),
        ("CREATE TABLE a (id int); ALTER TABLE a RENAME TO b", "DROP TABLE b"),
        (
            "ALTER TABLE a ADD c int; ALTER TABLE a RENAME TO b; ALTER TABLE b RENAME c TO d",
            "ALTER TABLE b DROP COLUMN d",
        ),
        ("CREATE SCHEMA s; CREATE TABLE s.a ()", "DROP SCHEMA s CASCADE"),
        ("CREATE TYPE mood AS ENUM ('a'); ALTER TABLE users ADD m mood", "DROP TYPE mood CASCADE"),
        ("CREATE SEQUENCE s", "DROP SEQUENCE s"),
        ("INSERT INTO settings VALUES ('a')", "DELETE FROM settings WHERE name = 'a'"),
        ("CREATE INDEX i ON users (email)", "DROP INDEX i"),
        ("DROP TABLE a", "CREATE TABLE a (id int)"),
    ],
)
@pytest.mark.parametrize("before", [None, Schema.of(())], ids=["unknown", "empty"])
def test_what_was_made_is_taken_back_without_loss(up: str, down: str, before: Schema | None):
    assert lost_by(up, down) == []


@pytest.mark.parametrize(
    ("up", "down", "what"),
    [
        ("ALTER TABLE users ADD bio text", "DROP TABLE users", 'the table "public.users" goes, with its rows'),
        (
            "ALTER TABLE users ADD bio text",
            "ALTER TABLE users DROP email",
            'the column "email" of "public.users" goes, with its values',
        ),
        ("CREATE TABLE a (id int)", "DROP TABLE s.a", 'the table "s.a" goes, with its rows'),
        ("CREATE TABLE a (id int)", "DROP TABLE a, b", 'the table "public.b" goes, with its rows'),
        ("CREATE TABLE a (id int)", "TRUNCATE b", 'the rows of "public.b" go'),
        ("CREATE TABLE IF NOT EXISTS a (id int)", "DROP TABLE a", 'the table "public.a" goes, with its rows'),
        (
            "ALTER TABLE a ADD COLUMN IF NOT EXISTS b int, ADD c int",
            "ALTER TABLE a DROP b, DROP c",
            'the column "b" of "public.a" goes, with its values',
        ),
        ("INSERT INTO settings VALUES ('a')", "DELETE FROM settings", 'rows of "public.settings" go'),
        ("CREATE TABLE s.a ()", "DROP SCHEMA s CASCADE", 'the schema "s" goes, with all that is in it'),
        ("ALTER TABLE a RENAME TO b", "DROP TABLE b", 'the table "public.b" goes, with its rows'),
    ],
)
def test_what_was_there_before_is_lost(up: str, down: str, what: str):
    assert lost_by(up, down) == [what]


def test_what_an_earlier_step_made_is_no_loss_of_a_later_one():
    """A history is replayed on an empty database without asking for the rows of tables that nobody had."""
    steps = [Step(read("CREATE TABLE a (id int)")), Step(read("ALTER TABLE a DROP id; DROP TABLE a; DELETE FROM b"))]
    assert lost(steps, Schema.of(())) == [[], [(2, 'rows of "public.b" go')]]


@pytest.mark.parametrize("word", ["", "IF EXISTS "])
def test_a_name_without_a_schema_may_be_any_of_those_that_have_it(word: str):
    """Which one, the search path decides."""
    tables = [
        SchemaObject(kind="table", identity=f"{schema}.t", properties={}, schema=schema, name="t") for schema in "ab"
    ]
    before = Schema.of(tables)
    assert lost_by("SELECT 1", f"DROP TABLE {word}t", before) == ['the table "public.t" goes, with its rows']
    assert lost_by("SELECT 1", f"DROP TABLE {word}c.t", before) == []


def test_what_one_step_takes_back_is_a_loss_of_another():
    steps = [Step(read("SELECT 1"), read("CREATE TABLE a (id int)")), Step(read("DROP TABLE a"))]
    assert lost(steps, None) == [[], [(0, 'the table "public.a" goes, with its rows')]]
