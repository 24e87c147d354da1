"""What is a rename, what is a question, and what is neither: the balance of data kept and nothing guessed."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.anyio

USERS = "CREATE TABLE users (id int PRIMARY KEY, {}, created_at timestamptz);"

#: Columns before and after, and the renames expected.
CERTAIN = {
    "the mission's example": ("full_name text NOT NULL", "display_name text NOT NULL", {"full_name": "display_name"}),
    "beside other changes": (
        "full_name text, age int",
        "display_name text NOT NULL, score numeric, verified boolean",
        {"full_name": "display_name"},
    ),
    "case and separators": ('"userName" text, b int', "user_name text, b int", {'"userName"': "user_name"}),
    "an abbreviation": ("qty int", "quantity int", {"qty": "quantity"}),
    "a longer varchar": ("user_name varchar(50)", "username varchar(100)", {"user_name": "username"}),
    "a key says so": (
        "code uuid, CONSTRAINT k UNIQUE (code)",
        "token uuid, CONSTRAINT k UNIQUE (token)",
        {"code": "token"},
    ),
    "a reference says so": (
        "boss int REFERENCES users",
        "manager int REFERENCES users",
        {"boss": "manager"},
    ),
    "two, each with its own evidence": (
        "mail text, tel varchar(20)",
        "email_mail text, telephone varchar(20)",
        {"mail": "email_mail", "tel": "telephone"},
    ),
}

#: Columns that have nothing to do with each other, whatever they look like.
NOTHING = {
    "unlike names": ("bio text", "website text"),
    "alike names, another type": ("full_name text", "full_names text[]"),
    "a number is no text": ("user_code text", "user_codes int"),
    "a generated column": ("full_name text", "display_name text GENERATED ALWAYS AS ('x' || 'y') STORED"),
    "opposites": ("start_date date", "end_date date"),
    "numbers": ("address_line1 text", "address_line2 text"),
    "only what all have": ("owner_id int", "parcel_id int"),
    "a common beginning": ("email_verified boolean", "email_notifications boolean"),
    "another moment": ("seen_at timestamptz", "paid_at timestamptz"),
    "two and two": ("bio text, motto text", "website text, avatar text"),
    "first and last": ("first_name text", "last_name text"),
}


@pytest.mark.parametrize("what", CERTAIN)
async def test_columns_with_evidence_are_renamed(what, renamed, psql):
    before, after, expected = CERTAIN[what]
    result = await renamed(USERS.format(before), USERS.format(after))
    columns = {
        old.removeprefix("users."): new.removeprefix("users.") for kind, old, new in result.pairs if kind == "column"
    }
    assert columns == expected
    assert result.questions == ()


@pytest.mark.parametrize("what", NOTHING)
async def test_columns_without_evidence_are_left_alone(what, renamed):
    before, after = NOTHING[what]
    result = await renamed(USERS.format(before), USERS.format(after))
    assert (result.renames, result.questions) == ([], ())


async def test_a_column_that_may_be_either_of_two_is_a_question(renamed):
    result = await renamed(USERS.format("name text"), USERS.format("legal_name text, short_name text"))
    (question,) = result.questions
    assert question.old.identity == "public.users.name"
    assert {each.new.identity for each in question.renames} == {"public.users.legal_name", "public.users.short_name"}
    assert result.renames == []
    assert all(each.evidence for each in question.renames)


async def test_a_table_keeps_its_rows_under_its_new_name_though_columns_change(renamed, psql):
    columns = "email text, nick varchar(9), born date, karma int"
    result = await renamed(
        USERS.format(columns) + "INSERT INTO users VALUES (1, 'a@b.c')",
        USERS.format(columns + ", motto text").replace("users", "members"),
    )
    assert ("table", "users", "members") in result.pairs
    assert ("constraint", "users.users_pkey", "members.members_pkey") not in result.pairs  # by its table's new name
    assert ("constraint", "members.users_pkey", "members.members_pkey") in result.pairs
    assert psql(result.target, "SELECT email FROM members") == "a@b.c"


async def test_a_table_that_may_be_either_of_two_is_a_question(renamed):
    table = "CREATE TABLE {} (id int, isbn text, title text, pages int);"
    result = await renamed(table.format("books"), table.format("novels") + table.format("comics"))
    assert [each.old.identity for each in result.questions] == ["public.books"]


async def test_tables_that_are_told_apart_by_a_number_hold_different_rows(renamed):
    table = "CREATE TABLE {} (id int, isbn text, title text, pages int);"
    result = await renamed(table.format("books_2023"), table.format("books_2024"))
    assert result.renames == []
    assert [each.old.identity for each in result.questions] == ["public.books_2023"]


async def test_a_partition_with_another_bound_is_another(renamed):
    table = "CREATE TABLE log (at date, x int, y int, z int) PARTITION BY RANGE (at);"
    part = "CREATE TABLE log_{0} PARTITION OF log FOR VALUES FROM ('{0}-01-01') TO ('{0}-12-31');"
    result = await renamed(table + part.format(2023), table + part.format(2024))
    assert (result.renames, result.questions) == ([], ())


async def test_tables_that_share_only_what_all_have_are_not_one(renamed):
    table = "CREATE TABLE {} (id bigint PRIMARY KEY, created_at timestamptz, updated_at timestamptz, {});"
    kept = "".join(table.format(f"kept_{each}", "x int") for each in "abcdef")
    result = await renamed(
        kept + table.format("invoices", "total numeric, due date, payer text"),
        kept + table.format("pets", "species text, weight real, chip uuid"),
    )
    assert (result.renames, result.questions) == ([], ())


async def test_a_column_of_a_view_follows_the_table_s(renamed):
    result = await renamed(
        USERS.format("full_name text") + "CREATE VIEW v AS SELECT id, full_name FROM users",
        USERS.format("display_name text") + "CREATE VIEW v AS SELECT id, display_name FROM users",
    )
    assert result.pairs == {
        ("column", "users.full_name", "users.display_name"),
        ("column", "v.full_name", "v.display_name"),
    }
    assert result.left == set()


async def test_a_recursive_function_is_the_same_under_another_name(renamed):
    sql = "CREATE FUNCTION {0}(n int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN {0}(n - 1); END';"
    result = await renamed(sql.format("fac"), sql.format("factorial"))
    assert result.pairs == {("function", "fac(integer)", "factorial(integer)")}


async def test_an_enum_that_grew_is_the_one_that_the_same_columns_have(renamed):
    result = await renamed(
        "CREATE TYPE a AS ENUM ('x', 'y'); CREATE TABLE t (c a, n int)",
        "CREATE TYPE b AS ENUM ('x', 'y', 'z'); CREATE TABLE t (c b, n int)",
    )
    assert result.pairs == {("enum", "a", "b")}


async def test_a_misspelt_label_is_mended_in_place_and_another_is_another(renamed):
    enum = "CREATE TYPE mood AS ENUM ('sad', '{}', 'happy')"
    assert (await renamed(enum.format("neutrall"), enum.format("neutral"))).pairs == {
        ("enum value", 'mood."neutrall"', 'mood."neutral"')
    }
    assert (await renamed(enum.format("so-so"), enum.format("angry"))).renames == []


async def test_inherited_columns_are_renamed_at_the_parent(renamed):
    result = await renamed(
        "CREATE TABLE base (label text, n int); CREATE TABLE child (x int) INHERITS (base)",
        "CREATE TABLE base (short_label text, n int); CREATE TABLE child (x int) INHERITS (base)",
    )
    assert result.pairs == {("column", "base.label", "base.short_label")}
    assert result.left == set()
