"""What a map may not leave out, and names that are not there: all of it at once, with the names."""

from __future__ import annotations

import pytest

from confiture.errors import UsageError

OLD = """
CREATE TABLE users (id bigint PRIMARY KEY, name text, legacy text);
CREATE TABLE gone (id int);
CREATE TABLE posts (id int PRIMARY KEY, a text, b text);
"""
NEW = """
CREATE TABLE users (id bigint PRIMARY KEY, name text, email text NOT NULL, at timestamptz NOT NULL DEFAULT now(),
                    n int GENERATED ALWAYS AS IDENTITY, twice bigint GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE posts (id int PRIMARY KEY, title text);
CREATE TABLE fresh (id int);
"""


def test_all_that_is_lost_or_lacking_is_said_at_once(pair, entry) -> None:
    """Not the first of it: people would have to run again and again."""
    compiled = pair.compile(OLD, NEW)
    assert compiled.said() == [
        "unmapped: the new database has no table 'public.gone', and the map does not say where its rows go",
        "unmapped: column 'a' of 'public.posts' is lost: 'public.posts' has no such column, and the map neither "
        "takes nor drops it",
        "unmapped: column 'b' of 'public.posts' is lost: 'public.posts' has no such column, and the map neither "
        "takes nor drops it",
        "unmapped: column 'legacy' of 'public.users' is lost: 'public.users' has no such column, and the map neither "
        "takes nor drops it",
        "unfilled: column 'email' of 'public.users' is NOT NULL without a default, and nothing from 'public.users' "
        "fills it",
    ]
    assert compiled.said("note") == [
        "unfilled: nothing of the old database goes into 'public.fresh': it stays empty; a rollback would lose "
        "what is written there after a cutover",
    ]


def test_what_the_map_takes_or_drops_is_no_error(pair, entry) -> None:
    """A column that goes into another one's transform is taken."""
    compiled = pair.compile(
        OLD,
        NEW,
        entry("users", {"legacy": None}, defaults={"email": "name || '@example.org'"}),
        entry("posts", {"a": ("title", "a || b")}),
        drop=("gone",),
    )
    assert compiled.said() == []
    assert compiled.part("public.users").columns == ("id", "name", "email")
    assert compiled.part("public.posts").query == "SELECT id, a || b FROM public.posts posts"


def test_a_filter_does_not_take_a_column(pair, entry) -> None:
    """Its values are in no column of the new database: that is for people to say."""
    compiled = pair.compile(OLD, NEW, entry("users", {"name": "email"}, filter="legacy IS NULL"), tables=["users"])
    assert [message.partition(":")[0] for message in compiled.said()] == ["unmapped"]
    assert "'legacy'" in compiled.said()[0]


@pytest.mark.parametrize(
    ("columns", "more", "message", "hint"),
    [
        ({"nam": "email"}, {}, "columns: 'public.users' of the old database has no column 'nam'", "'name'"),
        ({"name": "emial"}, {}, "columns: name: 'public.users' of the new database has no column 'emial'", "'email'"),
        ({"legacy": "twice"}, {}, "columns: legacy: column 'twice' of 'public.users' is generated", "leave it out"),
        (
            {"legacy": "email", "name": "email"},
            {},
            "column 'legacy' and column 'name' of 'public.users' both go",
            "join",
        ),
        (
            {"legacy": "email"},
            {"defaults": {"email": "'x'"}},
            "column 'legacy' and a default of 'public.users'",
            "join",
        ),
        ({}, {"drop": ("legcy",)}, "drop: 'public.users' of the old database has no column 'legcy'", "'legacy'"),
        (
            {},
            {"defaults": {"emai": "1"}},
            "defaults: 'public.users' of the new database has no column 'emai'",
            "'email'",
        ),
        ({"legacy": ("email", "lower(nmae)")}, {}, "what goes into 'email': column \"nmae\" does not exist", None),
        ({"legacy": ("email", "no_such(name)")}, {}, "what goes into 'email': function no_such(text) does not", None),
        (
            {"legacy": "email"},
            {"filter": "name = 1"},
            "the query as a whole: operator does not exist: text = integer",
            None,
        ),
        ({"legacy": ("email", "(SELECT a FROM psts)")}, {}, "the old database has no table 'psts'", "'posts'"),
        ({"legacy": "email"}, {"key": ("name",)}, "'key': (name) is no key of 'public.users'", "its keys are: id"),
        ({"legacy": "email"}, {"target": "usres"}, "the new database has no table 'usres'", "'users'"),
    ],
)
def test_names_that_are_not_there(pair, entry, columns, more, message, hint) -> None:
    """With the file, its line, and the nearest name."""
    compiled = pair.compile(OLD, NEW, entry("users", columns, **more), tables=["users"])
    errors = [found for found in compiled.findings if message in found.message]
    assert len(errors) == 1, compiled.said()
    assert errors[0].level == "error"
    assert errors[0].message.startswith("db/map.yaml:3: tables.users: ")
    assert hint is None or hint in (errors[0].hint or "")


def test_a_table_of_the_map_that_is_not_there(pair, entry) -> None:
    """An entry that does nothing is a slip."""
    compiled = pair.compile(OLD, OLD, entry("usrs", {"a": "b"}), drop=("pots",))
    assert compiled.said() == [
        "map: db/map.yaml:3: tables.usrs: the old database has no table 'usrs'",
        "map: db/map.yaml: 'drop': the old database has no table 'pots'",
    ]
    assert [found.hint for found in compiled.findings] == ["did you mean 'users'?", "did you mean 'posts'?"]


def test_taken_and_dropped_at_once(pair, entry) -> None:
    """Which of the two was meant is not ours to say."""
    compiled = pair.compile(OLD, OLD, entry("posts", {"a": "b", "b": "a"}), drop=("posts",))
    assert compiled.said() == ["map: db/map.yaml: 'public.posts' is in 'tables' and in 'drop'"]


def test_columns_may_swap(pair, entry, psql) -> None:
    """An entry says where a column goes, whatever else has that name."""
    compiled = pair.compile(
        OLD + "INSERT INTO posts VALUES (1, 'a', 'b');", OLD, entry("posts", {"a": "b", "b": "a"}), tables=["posts"]
    )
    assert compiled.said() == []
    pair.move(compiled)
    assert psql(pair.new, "SELECT a, b FROM posts") == "b|a"


def test_a_column_whose_place_is_taken_is_lost(pair, entry) -> None:
    """Its name is there on the other side, with other values."""
    compiled = pair.compile(OLD, OLD, entry("posts", {"a": "b"}), tables=["posts"])
    assert compiled.said() == [
        "unmapped: db/map.yaml:3: tables.posts: column 'b' of 'public.posts' is lost: 'public.posts' gets its 'b' from "
        "elsewhere, and the map neither takes nor drops it"
    ]


def test_nothing_is_said_of_tables_that_are_not_chosen(pair, entry) -> None:
    """Somebody moves two large tables first, and has not thought about the others yet."""
    compiled = pair.compile(OLD, NEW, entry("posts", {"a": "title", "b": None}), tables=["POSTS"])
    assert compiled.findings == ()
    assert list(compiled.tables) == ["public.posts"]
    with pytest.raises(UsageError, match="neither database has a table 'psts'") as caught:
        pair.again(tables=["psts"])
    assert caught.value.hint == "did you mean 'posts'?"


def test_odd_names_work_everywhere(pair, entry, psql) -> None:
    """Capital letters, quotes, dots, words of SQL, 63 bytes."""
    long = "ä" * 31 + "x"
    ddl = f"""
    CREATE SCHEMA "My.Schema";
    CREATE TABLE "My.Schema"."a""b.c" ("select" int PRIMARY KEY, "Col.X" text, "{long}" text);
    INSERT INTO "My.Schema"."a""b.c" VALUES (1, 'x', 'y');
    CREATE TABLE "User" (id int PRIMARY KEY, "Älter" text);
    INSERT INTO "User" VALUES (1, 'z');
    """
    new = ddl.replace("Col.X", "new col").replace("INSERT", "-- ")
    compiled = pair.compile(
        ddl,
        new,
        entry(
            '"My.Schema"."a""b.c"',
            {"Col.X": ("new col", '"Col.X" || "a""b.c"."select"')},
            filter='"Col.X" IS NOT NULL',
        ),
        entry("User", {"Älter": "Älter"}),
    )
    assert compiled.said() == []
    pair.move(compiled)
    assert psql(pair.new, 'TABLE "My.Schema"."a""b.c"') == "1|x1|y"
    assert psql(pair.new, 'TABLE "User"') == "1|z"
