"""Hints in DDL: every form and place, read from the tokens, forwards and backwards."""

from __future__ import annotations

import pytest

from confiture.errors import SyntaxInvalid
from confiture.model import SourceFile
from confiture_diff.hints import read_hints


def renames(new: str, old: str | None = None) -> set[tuple[str, str]]:
    sides = [] if old is None else [SourceFile("old.sql", old)]
    return set(read_hints(sides, [SourceFile("new.sql", new)]).renames)


#: DDL and the one rename that it says.
PLACES = {
    "on the line": (
        "CREATE TABLE users (\n  id int,\n  display_name text, -- confiture: renamed from full_name\n  x int\n);",
        ("users.full_name", "display_name"),
    ),
    "on the last line": (
        "CREATE TABLE users (\n  id int,\n  display_name text -- confiture: renamed from full_name\n);",
        ("users.full_name", "display_name"),
    ),
    "on the line before": (
        "CREATE TABLE app.users (\n  id int,\n  -- confiture: renamed from full_name\n  display_name text\n);",
        ("app.users.full_name", "display_name"),
    ),
    "in a block comment": (
        "CREATE TABLE users (id int, display_name text /* confiture: renamed from full_name */, x numeric(3, 2));",
        ("users.full_name", "display_name"),
    ),
    "quoted": (
        'CREATE TABLE "My Users" (\n  "Name" text, -- confiture: renamed from "full ""name"""\n x int\n);',
        ('"My Users"."full ""name"""', '"Name"'),
    ),
    "a table, before": ("-- confiture: renamed from users\nCREATE TABLE people (id int);", ("users", "people")),
    "a table, behind its parenthesis": (
        "CREATE TABLE people ( -- confiture: renamed from users\n  id int\n);",
        ("users", "people"),
    ),
    "a table, behind its end": (
        "CREATE TABLE people (id int); -- confiture: renamed from users\nCREATE TABLE other (x int);",
        ("users", "people"),
    ),
    "a table of another schema": (
        "-- confiture: renamed from old.users\nCREATE TABLE app.people (id int);",
        ("old.users", "app.people"),
    ),
    "a table in its schema": (
        "-- confiture: renamed from users\nCREATE TABLE app.people (id int);",
        ("app.users", "people"),
    ),
    "a constraint": (
        "CREATE TABLE t (\n  a int,\n  -- confiture: renamed from b\n  CONSTRAINT c UNIQUE (a)\n);",
        ("t.b", "c"),
    ),
    "a constraint of a column": (
        "CREATE TABLE t (\n  a int\n    CONSTRAINT c CHECK (a > 0) -- confiture: renamed from b\n);",
        ("t.b", "c"),
    ),
    "an added constraint": (
        "-- confiture: renamed from b\nALTER TABLE ONLY t\n  ADD CONSTRAINT c UNIQUE (a);",
        ("t.b", "c"),
    ),
    "one of several added": (
        "ALTER TABLE t\n  ADD COLUMN x int,\n  -- confiture: renamed from b\n  ADD COLUMN c int;",
        ("t.b", "c"),
    ),
    "an index": (
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS b ON app.t (x); -- confiture: renamed from a",
        ("app.a", "b"),
    ),
    "a label": (
        "CREATE TYPE mood AS ENUM (\n  'unhappy', -- confiture: renamed from 'so sad'\n  'ok'\n);",
        ("mood.'so sad'", "'unhappy'"),
    ),
    "an added label": ("ALTER TYPE mood ADD VALUE 'b'; -- confiture: renamed from a", ("mood.'a'", "'b'")),
    "an attribute": (
        "CREATE TYPE p AS (\n  -- confiture: renamed from x\n  y int\n);",
        ("p.x", "y"),
    ),
    "a view": (
        "-- confiture: renamed from a\nCREATE OR REPLACE VIEW b AS SELECT 1 AS x;",
        ("a", "b"),
    ),
    "a view, inside": ("CREATE VIEW b AS -- confiture: renamed from a\nSELECT 1 AS x;", ("a", "b")),
    "a function": (
        "-- confiture: renamed from f(integer, text)\nCREATE FUNCTION g(integer, text) RETURNS int\n"
        "LANGUAGE sql AS $$ SELECT 1; -- confiture: renamed from inside $$;",
        ("f(integer, text)", "g"),
    ),
    "a policy": (
        "-- confiture: renamed from a\nCREATE POLICY b ON app.t FOR SELECT USING (true);",
        ("app.t.a", "b"),
    ),
    "a trigger": (
        "-- confiture: renamed from a\nCREATE CONSTRAINT TRIGGER b AFTER INSERT OR UPDATE ON t EXECUTE FUNCTION f();",
        ("t.a", "b"),
    ),
    "a rule": (
        "-- confiture: renamed from a\nCREATE RULE b AS ON DELETE TO t DO INSTEAD NOTHING;",
        ("t.a", "b"),
    ),
    "a domain": ("-- confiture: renamed from a\nCREATE DOMAIN b AS int CHECK (VALUE > 0);", ("a", "b")),
    "among other comments": (
        "-- about people\n-- confiture: renamed from users\n-- that is all\nCREATE TABLE people (id int);",
        ("users", "people"),
    ),
    "behind letters that take two bytes": (
        "COMMENT ON SCHEMA public IS 'ééé';\nCREATE TABLE é (\n  à int, -- confiture: renamed from ü\n  b int\n);",
        ("é.ü", "à"),
    ),
    "sqldef": ("CREATE TABLE t (\n  b text, -- @renamed from=a\n  c int\n);", ("t.a", "b")),
    "sqldef, a table": ('CREATE TABLE b ( -- @renamed from="A b"\n  x int\n);', ('"A b"', "b")),
    "sqldef, the first counts": (
        "CREATE TYPE b /* @renamed from=a */ AS ENUM ( /* @renamed from=c */\n  'x'\n);",
        ("a", "b"),
    ),
    "sqldef, on a line behind the parenthesis": (
        "CREATE TYPE b AS ENUM (\n  /* @renamed from=a */\n  'x'\n);",
        ("a", "b"),
    ),
    "pistachio": ("CREATE TYPE s AS ENUM (\n  'x',\n  -- pista:renamed-from 'a'\n  'b'\n);", ("s.'a'", "'b'")),
    "pistachio, among its own": (
        "-- pista:renamed-from public.a\n-- pista:bulk-alter\nCREATE TABLE public.b (x int);",
        ("public.a", "b"),
    ),
}

IGNORED = {
    "no comment": "CREATE TABLE t (a text DEFAULT '-- confiture: renamed from b');",
    "in a body": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 -- confiture: renamed from b\n$$;",
    "in data": "CREATE TABLE t (a text);\nCOPY t FROM stdin;\n-- confiture: renamed from b\n\\.\n",
    "sqldef before the name": "CREATE TYPE /* @renamed from=a */ b AS ENUM ('x');",
    "sqldef behind ENUM": "CREATE TYPE b AS ENUM /* @renamed from=a */ ('x');",
    "pistachio before two": "-- pista:renamed-from a\nALTER TABLE t ADD b int, ADD c int;",
    "not SQL": "CREATE TABLE t (a 'text -- @renamed from=b",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_hint_is_about_what_it_stands_beside(place):
    sql, expected = PLACES[place]
    assert renames(sql) == {expected}


@pytest.mark.parametrize("place", IGNORED)
def test_what_is_no_hint_says_nothing(place):
    assert renames(IGNORED[place]) == set()


def test_several_hints_in_one_table():
    sql = "CREATE TABLE t ( -- confiture: renamed from s\n  a int, -- confiture: renamed from b\n"
    sql += "  -- confiture: renamed from d\n  c int\n);"
    assert renames(sql) == {("s", "t"), ("t.b", "a"), ("t.d", "c")}


def test_a_hint_of_the_old_side_is_read_backwards():
    later = "CREATE TABLE people ( -- confiture: renamed from users\n  b int -- confiture: renamed from a\n);"
    assert renames("CREATE TABLE users (a int);", later) == {("people", "users"), ("people.b", "a")}


def test_a_hint_of_an_earlier_change_is_not_read_backwards():
    later = "CREATE TABLE t (\n  b int -- confiture: renamed from a\n);"
    assert renames(later, later) == {("t.a", "b")}
    assert renames("CREATE TABLE t (b int);", later) == set()
    assert renames("CREATE TABLE t (\n  c int -- confiture: renamed from b\n);", later) == {("t.b", "c")}


def test_drops_are_read_from_the_new_side():
    new = [SourceFile("new.sql", "-- confiture: drop users.full_name\nCREATE TABLE users (id int);")]
    assert read_hints([], new).drops == ("users.full_name",)
    assert read_hints(new, []).drops == ()


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t (\n  a int -- confiture: rename from b\n);",
        "CREATE TABLE t (\n  a int -- confiture: renamed from\n);",
        "CREATE TABLE t (a int);\n\n-- confiture: renamed from b\n",
        "-- confiture: renamed from b\nCOMMENT ON TABLE t IS 'x';",
    ],
)
def test_a_hint_that_is_none_is_an_error_that_points_at_it(sql):
    with pytest.raises(SyntaxInvalid) as error:
        renames(sql)
    assert error.value.line is not None
    assert "confiture: rename" in str(error.value.source_line)
