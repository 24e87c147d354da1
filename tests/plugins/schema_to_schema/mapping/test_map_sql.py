"""The SQL of a map: what is taken for an expression, and what ``custom_sql`` is made of."""

from __future__ import annotations

import pytest

from confiture_schema_to_schema.mapping import CustomSql, SqlError, custom_sql
from confiture_schema_to_schema.mapping.expressions import check_expression, check_query

MISSION = """\
INSERT INTO production_new.users (id, display_name, created_timestamp)
SELECT id, full_name, created_at AT TIME ZONE 'UTC'
FROM old_schema.users
WHERE deleted_at IS NULL
"""


def test_the_missions_statement_is_taken_apart() -> None:
    """Letter for letter, with the qualifiers that are resolved later."""
    assert custom_sql(MISSION) == CustomSql(
        schema="production_new",
        table="users",
        columns=("id", "display_name", "created_timestamp"),
        select="SELECT id, full_name, created_at AT TIME ZONE 'UTC' FROM old_schema.users WHERE deleted_at IS NULL",
    )


@pytest.mark.parametrize(
    ("text", "select"),
    [
        ("INSERT INTO a SELECT * FROM b", "SELECT * FROM b"),
        ("INSERT INTO a (SELECT x FROM b);", "SELECT x FROM b"),
        ("INSERT INTO a AS c OVERRIDING SYSTEM VALUE SELECT x FROM b", "SELECT x FROM b"),
        ("INSERT INTO a SELECT x FROM b UNION ALL SELECT y FROM c", "SELECT x FROM b UNION ALL SELECT y FROM c"),
        (
            "WITH q AS (SELECT x FROM c) INSERT INTO a SELECT x FROM q",
            "WITH q AS (SELECT x FROM c) SELECT x FROM q",
        ),
        (
            'INSERT INTO a SELECT "X y" FROM "O""dd"."T.b" WHERE z IN (1, 2)',
            'SELECT "X y" FROM "O""dd"."T.b" WHERE z IN (1, 2)',
        ),
    ],
)  # fmt: skip
def test_what_is_selected(text: str, select: str) -> None:
    """A WITH before the INSERT goes to the query that is left of it."""
    assert custom_sql(text).select == select


def test_names_of_the_target_are_unquoted() -> None:
    """As the catalogs have them."""
    found = custom_sql('INSERT INTO "New DB"."My ""T""" ("A b", C) SELECT x, y FROM z')
    assert (found.schema, found.table, found.columns) == ("New DB", 'My "T"', ("A b", "c"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        ("SELECT 1", "it is no INSERT"),
        ("UPDATE b SET x = 1", "it is no INSERT"),
        ("INSERT INTO a SELECT * FROM b; DELETE FROM b", "more than one statement"),
        ("INSERT INTO a VALUES (1)", "it has VALUES"),
        ("INSERT INTO a DEFAULT VALUES", "DEFAULT VALUES"),
        ("INSERT INTO a SELECT 1", "reads no table"),
        ("INSERT INTO a SELECT * FROM generate_series(1, 3)", "reads no table"),
        ("WITH q AS (SELECT 1) INSERT INTO a SELECT * FROM q", "reads no table"),
        ("INSERT INTO a SELECT * FROM b RETURNING 1", "RETURNING"),
        ("INSERT INTO a SELECT * FROM b ON CONFLICT DO NOTHING", "ON CONFLICT"),
        ("INSERT INTO a OVERRIDING USER VALUE SELECT * FROM b", "OVERRIDING USER VALUE"),
        ("INSERT INTO d.s.a SELECT * FROM b", "'d' is a database"),
        ("INSERT INTO a (x[1]) SELECT y FROM b", "a part of the column 'x'"),
        ("INSERT INTO a (x, x) SELECT y, y FROM b", "names the column 'x' twice"),
        ("INSERT INTO a SELECT x FROM b WHERE y = $1", "a parameter"),
        ("INSERT INTO a SELECT x FROM b FOR UPDATE", "locks rows"),
        ("WITH q AS (DELETE FROM c RETURNING *) INSERT INTO a SELECT * FROM q", "DELETE within it"),
        ("INSERT INTO a WITH q AS (UPDATE c SET x = 1 RETURNING *) SELECT * FROM q", "UPDATE within it"),
        ("WITH q AS (SELECT 1) INSERT INTO a WITH r AS (SELECT 2) SELECT * FROM b", "a WITH before the INSERT"),
    ],
)  # fmt: skip
def test_any_other_statement_is_refused(text: str, message: str) -> None:
    """What cannot be copied piece by piece, or would write to the old database."""
    with pytest.raises(SqlError, match=message) as caught:
        custom_sql(text)
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "lower(a) -- a comment",
        "created_at AT TIME ZONE 'UTC'",
        "(SELECT max(x) FROM y WHERE y.id = a)",
        "CASE WHEN a THEN 1 END",
        "ROW(a, b)",
        "(a).b",
        "a IN (1, 2) AND b",
    ],
)
def test_an_expression(text: str) -> None:
    """Of any kind."""
    check_expression(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "-- nothing", "a, b", "a AS b", "a b", "a FROM t", "1) + (2", "1) FROM x WHERE (true", "*", "t.*", "a;",
     "a; b", "/* a", "DISTINCT a", "a ORDER BY 1", "a WHERE b", "1 UNION SELECT 2", "$1", "a = '\0'",
     "(SELECT 1 FROM x FOR UPDATE)"],
)  # fmt: skip
def test_what_is_no_expression(text: str) -> None:
    """Neither alone nor in parentheses may it become something else."""
    with pytest.raises(SqlError):
        check_expression(text)


def test_a_query_only_reads() -> None:
    """``touch`` runs on the old database."""
    check_query("WITH c AS (SELECT * FROM changed) SELECT u.id FROM users u JOIN c ON c.id = u.city_id")
    for text in ("VALUES (1); SELECT 2", "DELETE FROM x", "SELECT * INTO y FROM x", "SELECT 1 FROM x FOR SHARE", "a +"):
        with pytest.raises(SqlError):
            check_query(text)
