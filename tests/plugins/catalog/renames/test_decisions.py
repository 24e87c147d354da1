"""What somebody said: it decides, in whatever form it was said, and what it says of nothing is an error."""

from __future__ import annotations

import pytest

from confiture.errors import UsageError
from confiture.model import Decisions
from confiture_catalog.renames import match_names
from plugins.catalog.renames.conftest import decided

pytestmark = pytest.mark.anyio

OLD = """
CREATE SCHEMA app;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE users (id int, bio text, feeling mood, CONSTRAINT c CHECK (id > 0));
CREATE TABLE app.teams (id int, label text);
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION f(text) RETURNS int LANGUAGE sql AS 'SELECT 1';
INSERT INTO users VALUES (1, 'hello', 'sad');
"""

#: What is said, what is changed in the new schema's text, and the statements that come of it.
SAID = {
    "a column": ("users.bio=website", ("bio text", "website text"), ["users RENAME COLUMN bio TO website"]),
    "qualified": (
        "public.users.bio=public.users.website",
        ("bio text", "website text"),
        ["users RENAME COLUMN bio TO website"],
    ),
    "another type": ("users.bio=n", ("bio text", "n numeric"), ["users RENAME COLUMN bio TO n"]),
    "quoted": ('users.bio="Web.Site"', ("bio text", '"Web.Site" text'), ['users RENAME COLUMN bio TO "Web.Site"']),
    "in another schema": (
        "teams.label=title",
        ("label text", "title text"),
        ["app.teams RENAME COLUMN label TO title"],
    ),
    "a table": ("users=things", ("TABLE users (id int, bio text", "TABLE things (x uuid, id int"), None),
    "a label": ("mood.sad=unhappy", ("('sad'", "('unhappy'"), ["TYPE public.mood RENAME VALUE 'sad' TO 'unhappy'"]),
    "a quoted label": (
        "mood.'sad'='so, so'",
        ("('sad'", "('so, so'"),
        ["TYPE public.mood RENAME VALUE 'sad' TO 'so, so'"],
    ),
    "a function": ("f(text)=g", ("f(text)", "g(text)"), ["FUNCTION public.f(text) RENAME TO g"]),
    "a constraint": (
        "users.c=positive",
        ("CONSTRAINT c CHECK (id > 0)", "CONSTRAINT positive CHECK (id > 9)"),
        ["TABLE public.users RENAME CONSTRAINT c TO positive"],
    ),
    "a schema": ("app=team", ("app", "team"), ["SCHEMA app RENAME TO team"]),
}


@pytest.mark.parametrize("what", SAID)
async def test_a_decision_is_carried_out_once(what, renamed):
    said, (before, after), expected = SAID[what]
    new = OLD.replace(before, after).replace("(1, 'hello', 'sad')", "DEFAULT VALUES").partition("INSERT")[0]
    result = await renamed(OLD, new, decided(said))
    assert any(each.hinted for each in result.renames)
    if expected is not None:
        assert len(result.statements) == 1
        assert result.statements[0].endswith(expected[0].removeprefix("public."))
    else:
        assert "ALTER TABLE public.users RENAME TO things" in result.statements


async def test_a_table_and_its_column_are_decided_by_either_name_of_the_table(renamed, psql):
    old = "CREATE TABLE users (id int, bio text); INSERT INTO users VALUES (1, 'hello')"
    new = "CREATE TABLE people (n uuid, website text)"
    for column in ("users.bio", "people.bio"):
        result = await renamed(old, new, decided("users=people", f"{column}=website"))
        assert psql(result.target, "SELECT website FROM people") == "hello"


async def test_a_swap_and_a_chain_go_through_a_name_in_between(renamed, psql):
    old = "CREATE TABLE t (a int, b text, c uuid); INSERT INTO t VALUES (1, 'x')"
    swapped = await renamed(old, "CREATE TABLE t (a text, b int, c uuid)", decided("t.a=b", "t.b=a"))
    assert psql(swapped.target, "SELECT a, b FROM t") == "x|1"
    chained = await renamed(old, "CREATE TABLE t (b int, c text, d uuid)", decided("t.a=b", "t.b=c", "t.c=d"))
    assert psql(chained.target, "SELECT b, c FROM t") == "1|x"
    assert not any("aside" in each for each in chained.statements)
    psql(swapped.target, ";".join(swapped.undo))
    assert psql(swapped.target, "SELECT a, b FROM t") == "1|x"


async def test_tables_are_swapped_with_their_rows(renamed, psql):
    result = await renamed(
        "CREATE TABLE a (x int, y int); CREATE TABLE b (z text); INSERT INTO a VALUES (1, 2)",
        "CREATE TABLE b (x int, y int); CREATE TABLE a (z text)",
        decided("a=b", "b=a"),
    )
    assert result.left == set()
    assert psql(result.target, "SELECT x FROM b") == "1"


async def test_a_name_that_something_else_has_until_it_is_dropped_is_made_free(renamed, psql):
    columns = "(id int, isbn text, title text)"
    result = await renamed(
        f"CREATE TABLE base {columns}; CREATE VIEW books AS SELECT isbn FROM base; INSERT INTO base VALUES (1, 'x')",
        f"CREATE TABLE books {columns}",
    )
    assert psql(result.target, "SELECT isbn FROM books") == "x"


async def test_a_drop_forbids_a_rename_and_settles_a_question(renamed):
    old, new = "CREATE TABLE t (id int, full_name text)", "CREATE TABLE t (id int, display_name text)"
    for pattern in ("t.full_name", "public.t.full_name", "t.*", "*"):
        assert (await renamed(old, new, decided(drops=(pattern,)))).renames == []
    two = "CREATE TABLE t (id int, legal_name text, short_name text)"
    assert (await renamed(old.replace("full_name", "name"), two)).questions != ()
    assert (await renamed(old.replace("full_name", "name"), two, decided(drops=("t.name",)))).questions == ()


async def test_a_drop_holds_when_its_table_gets_another_name_first(renamed):
    old = "CREATE TABLE users (id int, email text, born date, full_name text)"
    new = old.replace("users", "people").replace("full_name", "display_name")
    assert ("column", "people.full_name", "people.display_name") in (await renamed(old, new)).pairs
    result = await renamed(old, new, decided(drops=("users.full_name",)))
    assert result.pairs == {("table", "users", "people")}


async def test_a_decision_settles_a_question(renamed):
    old, new = "CREATE TABLE t (name text)", "CREATE TABLE t (legal_name text, short_name text)"
    result = await renamed(old, new, decided("t.name=short_name"))
    assert (result.questions, result.statements) == (
        (),
        ["ALTER TABLE public.t RENAME COLUMN name TO short_name"],
    )


async def test_what_has_been_done_is_no_error(renamed):
    old = "CREATE TABLE t (display_name text)"
    result = await renamed(old, "CREATE TABLE t (display_name text, x int)", decided("t.full_name=display_name"))
    assert result.renames == []


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("users.boi=website", "public.users.bio"),
        ("users.bio=websit", "public.users.website"),
        ("user.bio=website", "public.users.bio"),
        ("users.nonsense=nothing", "table.column"),
        ("users..bio=website", "table.column"),
    ],
)
async def test_a_decision_about_nothing_names_what_is_near(said, named, renamed):
    old = "CREATE TABLE users (id int, bio text)"
    with pytest.raises(UsageError) as error:
        await renamed(old, old.replace("bio", "website"), decided(said))
    assert named in str(error.value.hint)


async def test_a_name_that_means_several_things_lists_them(renamed):
    old = "CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.t (x int); CREATE TABLE b.t (x int)"
    with pytest.raises(UsageError, match=r"table a\.t, table b\.t"):
        await renamed(old, old.replace(".t (x int)", ".u (x int)"), decided("t=u"))


async def test_two_decisions_about_one_thing_are_an_error(renamed):
    with pytest.raises(UsageError, match="two decisions"):
        await renamed("CREATE TABLE t (a int)", "CREATE TABLE t (b int, c int)", decided("t.a=b", "t.a=c"))


async def test_equal_schemas_have_nothing_renamed(database, inspect, psql):
    from catalogs import EVERY_KIND

    psql(database, EVERY_KIND)
    schema = await inspect(database)
    matching = match_names(schema, schema, Decisions())
    assert (matching.renames, matching.questions, matching.statements) == ((), (), ())
