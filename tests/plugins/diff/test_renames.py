"""Renames through the whole medium: run, read again, planned around, undone."""

from __future__ import annotations

import pytest

from confiture.errors import DecisionsNeeded, Refused

pytestmark = pytest.mark.anyio

OLD = "CREATE TABLE t (id int PRIMARY KEY, first_name text, last_name text); CREATE VIEW v AS SELECT last_name FROM t;"
NEW = """
    CREATE TABLE people (
        id int PRIMARY KEY,
        given_name text NOT NULL, -- confiture: renamed from first_name
        family_name varchar(50) -- confiture: renamed from last_name
    ); -- confiture: renamed from t
    CREATE VIEW v AS SELECT family_name AS last_name FROM people;
"""


async def test_the_rest_of_what_was_renamed_is_compared_and_all_of_it_is_undone(compare):
    """A table, its columns, then a type and NOT NULL: each round sees what the last one made."""
    report = await compare(OLD, NEW)
    sql = [statement.sql for statement in report.plan.statements]
    assert "ALTER TABLE public.t RENAME TO people" in sql
    assert "ALTER TABLE public.t RENAME COLUMN first_name TO given_name" in sql
    assert not any("DROP COLUMN" in text for text in sql)
    assert {rename.new.identity for rename in report.renames} >= {"public.people", "public.people.given_name"}
    assert report.proof.proved == ("forward", "backward")
    assert report.plan.statements[0].effects.lock == "ACCESS EXCLUSIVE"
    undone = [statement.sql for statement in report.backward.statements]
    table = undone.index("ALTER TABLE public.people RENAME TO t")
    assert table < undone.index("ALTER TABLE public.t RENAME COLUMN given_name TO first_name")


async def test_a_hint_is_the_way_back_too(compare):
    """The same files, the other way round, need no decision."""
    report = await compare(NEW, OLD)
    assert not any("DROP COLUMN" in statement.sql for statement in report.plan.statements)
    assert report.proof.proved == ("forward", "backward")


async def test_the_request_decides_before_the_hints(compare):
    """What somebody says now is newer than what a file says."""
    hinted = "CREATE TABLE t (id int, b text, c text); -- confiture: drop t.z"
    plain = "CREATE TABLE t (id int, a text);"
    with_hint = hinted.replace("b text,", "b text, -- confiture: renamed from a\n")
    for request, name in (({}, "b"), ({"renames": [["t.a", "c"]]}, "c")):
        report = await compare(plain, with_hint.replace("-- confiture: drop t.z", ""), prove=False, **request)
        assert [rename.new.identity for rename in report.renames] == [f"public.t.{name}"]


async def test_questions_come_with_the_error(compare):
    """For whoever can ask: a program, or the terminal."""
    with pytest.raises(DecisionsNeeded) as caught:
        await compare("CREATE TABLE t (id int, first_name text, last_name text);",
                      "CREATE TABLE t (id int, given_name text, family_name text);")  # fmt: skip
    assert [question.old.identity for question in caught.value.questions] == [
        "public.t.first_name",
        "public.t.last_name",
    ]


async def test_what_the_error_says_to_write_decides(compare):
    """A candidate in another schema needs the whole name: copied from the message, it must do."""
    old = "CREATE SCHEMA app; CREATE TABLE users (id int, a text, b int); CREATE TABLE clients (id int, a text, b int);"
    new = "CREATE SCHEMA app;" + "".join(
        f"CREATE TABLE app.{each} (id int, a text, b int);" for each in ("people", "buyers")
    )
    with pytest.raises(DecisionsNeeded) as caught:
        await compare(old, new)
    said = [line.split()[-1] for line in caught.value.detail.splitlines() if "--rename" in line]
    assert {"users=app.people", "clients=app.buyers"} <= set(said)
    report = await compare(old, new, renames=[["users", "app.people"], ["clients", "app.buyers"]])
    assert [rename.new.identity for rename in report.renames] == ["app.buyers", "app.people"]


async def test_a_drop_is_said_in_the_names_of_the_old_schema(compare):
    """Nobody can know what a table that is renamed first is called by then; the way back needs the drop as well."""
    old = "CREATE TABLE users (id int, a int, b int);"
    new = "CREATE TABLE people (id int, a int, b int GENERATED ALWAYS AS (a + 1) STORED);"
    renames = [["users", "people"]]
    with pytest.raises(Refused, match="dropped and made anew"):
        await compare(old, new, renames=renames)
    report = await compare(old, new, renames=renames, drops=["users.b"])
    assert report.proof.proved == ("forward", "backward")
    back = await compare(new, old, renames=[["people", "users"]], drops=["people.b"])
    assert back.proof.proved == ("forward", "backward")
