"""``custom_sql``: which relations it means, which table drives it, and whether it can be copied piece by piece."""

from __future__ import annotations

import pytest

OLD = """
CREATE SCHEMA app;
CREATE TABLE users (id bigint PRIMARY KEY, name text, team_id int, legacy text);
CREATE TABLE teams (id int PRIMARY KEY, name text);
CREATE TABLE app.users (id bigint PRIMARY KEY, name text);
CREATE TABLE loose (a int, b text);
CREATE VIEW seen AS SELECT id, name FROM users;
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child () INHERITS (parent);
INSERT INTO users VALUES (1, 'Ann', 1, 'x'), (2, 'Bob', NULL, 'y'), (3, 'Cy', 1, 'z');
INSERT INTO teams VALUES (1, 'Red');
"""
NEW = """
CREATE TABLE accounts (
    id bigint PRIMARY KEY, name varchar(50), team text, twice bigint GENERATED ALWAYS AS (id) STORED);
"""
INTO = "INSERT INTO accounts (id, name, team) "


@pytest.fixture(scope="module")
def made(databases):
    """Both databases, once: these tests only look."""
    databases.compile(OLD, NEW)
    return databases


@pytest.fixture
def compiled(made, entry):
    """``compiled(sql)``: the entry of users with it."""

    def run(sql: str, **more: object):
        return made.again(entry("users", custom_sql=sql, **more), tables=["users"])

    return run


@pytest.mark.parametrize(
    ("sql", "query"),
    [
        (
            "SELECT id, name, NULL FROM old_schema.users",
            "SELECT id, name::varchar, NULL::text FROM public.users users",
        ),
        (
            "SELECT u.id, u.name, 'x' FROM old.users AS u WHERE u.id > 1",
            "SELECT u.id, u.name::varchar, 'x'::text FROM public.users u WHERE u.id > 1",
        ),
        (
            "SELECT old.users.id, old.users.name, legacy FROM old.users",
            "SELECT users.id, users.name::varchar, legacy FROM public.users users",
        ),
        (
            "SELECT u.id, u.name, t.name FROM old.users u LEFT JOIN old.teams t ON t.id = u.team_id",
            "SELECT u.id, u.name::varchar, t.name FROM public.users u LEFT JOIN public.teams t ON t.id = u.team_id",
        ),
        (
            "SELECT u.id, u.name, t.name FROM teams t RIGHT JOIN users u ON t.id = u.team_id",
            "SELECT u.id, u.name::varchar, t.name FROM public.teams t RIGHT JOIN public.users u ON t.id = u.team_id",
        ),
        (
            "SELECT id, name, (SELECT t.name FROM teams t WHERE t.id = team_id) FROM users",
            "SELECT id, name::varchar, (SELECT t.name FROM public.teams t WHERE t.id = team_id) "
            "FROM public.users users",
        ),
        (
            "WITH users AS (SELECT * FROM teams) SELECT u.id, u.name, users.name FROM old.users u, users",
            "WITH users AS (SELECT * FROM public.teams) SELECT u.id, u.name::varchar, users.name "
            "FROM public.users u, users",
        ),
        (
            "WITH a AS (SELECT * FROM teams), b AS (SELECT * FROM a), teams AS (SELECT * FROM b) "
            "SELECT u.id, u.name, teams.name FROM users u, teams",
            "WITH a AS (SELECT * FROM public.teams), b AS (SELECT * FROM a), teams AS (SELECT * FROM b) "
            "SELECT u.id, u.name::varchar, teams.name FROM public.users u, teams",
        ),
        (
            "SELECT u.* FROM (VALUES (1)) AS v(x), LATERAL (SELECT id, name, legacy) AS z, old.users u",
            None,
        ),
    ],
)
def test_relations_are_those_of_the_old_database(compiled, sql, query) -> None:
    """A schema that is not there was written for an FDW; names of a WITH are no tables; all else gets its schema."""
    found = compiled(INTO + sql)
    if query is None:
        assert found.said()
        return
    assert found.said() == []
    part = found.part("public.accounts")
    assert part.query == query
    assert (part.key, part.whole, part.source) == (("id",), None, "public.users")


def test_a_schema_that_is_there_is_meant(compiled) -> None:
    """Two tables have one name."""
    part = compiled(INTO + "SELECT id, name, NULL FROM app.users").part("public.accounts")
    assert part.query.endswith("FROM app.users users")
    assert part.source == "app.users"
    found = compiled(INTO + "SELECT id, name, NULL FROM app.usrs")
    assert found.said()[0].endswith("custom_sql: the old database has no table 'app.usrs'")


@pytest.mark.parametrize(
    ("sql", "whole"),
    [
        ("SELECT DISTINCT id, name, legacy FROM users", "it has DISTINCT"),
        ("SELECT id, max(name), max(legacy) FROM users GROUP BY id", "it has GROUP BY"),
        ("SELECT max(id), max(name), NULL FROM users", "it has an aggregate function"),
        ("SELECT id, name, legacy FROM users ORDER BY id LIMIT 2", "it has LIMIT"),
        ("SELECT id, name, legacy FROM users OFFSET 1", "it has OFFSET"),
        ("SELECT id, name, legacy FROM users UNION ALL SELECT id, name, NULL FROM app.users", "it has UNION"),
        ("SELECT row_number() OVER (ORDER BY id), name, legacy FROM users", "it has a window function"),
        (
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) "
            "SELECT u.id, u.name, r.n::text FROM users u, r",
            "it has WITH RECURSIVE",
        ),
        ("SELECT s.id, s.name, NULL FROM (SELECT * FROM users) s", "not in its FROM, or within a subquery"),
        ("WITH w AS (SELECT * FROM users) SELECT id, name, NULL FROM w", "not in its FROM, or within a subquery"),
        ("SELECT u.id, u.name, NULL FROM teams t LEFT JOIN users u ON t.id = u.team_id", "may have no row"),
        ("SELECT u.id, u.name, NULL FROM teams t FULL JOIN users u ON t.id = u.team_id", "may have no row"),
        ("SELECT id, name, NULL FROM users TABLESAMPLE SYSTEM (100)", "not in its FROM"),
        ("SELECT id, name, NULL FROM seen", "not in its FROM"),
    ],
)
def test_what_must_be_run_in_one_piece(compiled, made, sql, whole) -> None:
    """A row of the result is made of many rows, or of none: a condition on one of them would change it."""
    found = compiled(INTO + sql)
    assert found.said() == []
    part = found.part("public.accounts")
    assert whole in (part.whole or "")
    assert part.key == ()
    assert not found.tables["public.accounts"].plain_key
    made.psql(made.old, part.query)


def test_a_table_that_is_read_twice_is_a_lookup_too(compiled) -> None:
    """A change of the one row changes what another one gives."""
    part = compiled(INTO + "SELECT a.id, b.name, NULL FROM users a JOIN users b ON b.id = a.team_id").part(
        "public.accounts"
    )
    assert (part.alias, part.key, part.lookups) == ('"a"', ("id",), ("public.users",))


def test_an_aggregate_of_a_subquery_does_no_harm(compiled) -> None:
    """Each row of the driving table is in one row of the result all the same."""
    part = compiled(INTO + "SELECT id, name, (SELECT max(t.name) FROM teams t) FROM users").part("public.accounts")
    assert (part.whole, part.key, part.lookups) == (None, ("id",), ("public.teams",))


def test_inheritance_is_one_table_or_the_whole(made, entry) -> None:
    """A child's row may have the same key as one of its parent's."""
    sql = "INSERT INTO accounts (id) SELECT id FROM {}parent"
    compiled = made.again(entry("parent", custom_sql=sql.format("")), tables=["parent"])
    assert "write FROM ONLY" in (compiled.part("public.accounts").whole or "")
    compiled = made.again(entry("parent", custom_sql=sql.format("ONLY ")), tables=["parent"])
    assert compiled.part("public.accounts").query == "SELECT id::bigint FROM ONLY public.parent parent"
    assert compiled.part("public.accounts").key == ("id",)


def test_a_fixed_query_is_cast_around(compiled, made) -> None:
    """What a star gives, or DISTINCT compares, must not change."""
    part = compiled(
        "INSERT INTO accounts SELECT DISTINCT ON (team_id) * FROM (SELECT id, name, legacy, team_id FROM users) x"
    )
    assert part.said()  # four columns for three
    part = compiled("INSERT INTO accounts SELECT u.* FROM (SELECT 1) x, users u")
    assert part.said()
    part = compiled("INSERT INTO accounts (name, id) SELECT DISTINCT name, id::int FROM users").part("public.accounts")
    assert part.query == (
        "SELECT confiture_rows.c1::varchar, confiture_rows.c2::bigint FROM "
        "(SELECT DISTINCT name, id::int FROM public.users users) confiture_rows(c1, c2)"
    )
    assert made.psql(made.old, f"{part.query} ORDER BY 2").startswith("Ann|1")


def test_a_star_can_be_cut_all_the_same(made, entry) -> None:
    """The condition goes inside, to the driving table."""
    from confiture_schema_to_schema.compiling import with_condition

    compiled = made.again(entry("teams", custom_sql="INSERT INTO accounts SELECT * FROM old.teams"), tables=["teams"])
    assert compiled.said() == []
    part = compiled.part("public.accounts")
    assert part.columns == ("id", "name")
    assert part.key == ("id",)
    assert with_condition(part, f"{part.alias}.id > 1", relation="ONLY public.teams") == (
        "SELECT confiture_rows.c1::bigint, confiture_rows.c2::varchar FROM "
        "(SELECT * FROM ONLY public.teams teams WHERE teams.id > 1) confiture_rows(c1, c2)"
    )


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("INSERT INTO accounts (id, nam) SELECT id, name FROM users", "new database has no column 'nam'"),
        (
            "INSERT INTO accounts (id, twice) SELECT id, id FROM users",
            "column 'twice' of 'public.accounts' is generated",
        ),
        ("INSERT INTO accounts (id, name) SELECT id FROM users", "the SELECT gives 1 columns for 2"),
        ("INSERT INTO accounts (id) SELECT * FROM users", "the SELECT gives 4 columns for 1"),
        ("INSERT INTO accounts (id) SELECT nope FROM users", 'column "nope" does not exist'),
        ("INSERT INTO acounts (id) SELECT id FROM users", "the new database has no table 'acounts'"),
        ("INSERT INTO accounts (name) SELECT name FROM users", "nothing from 'public.users' fills it"),
        ("DELETE FROM accounts", "it is no INSERT"),
        ("INSERT INTO accounts (id) SELECT name FROM users", "is text, and PostgreSQL does not assign that"),
    ],
)
def test_custom_sql_that_cannot_be(compiled, sql, message) -> None:
    """With the file, its line, and the names."""
    found = compiled(sql)
    assert any(message in each for each in found.said()), found.said()
    assert all("db/map.yaml:3: tables.users: " in each for each in found.said())


def test_fewer_columns_than_there_are(compiled) -> None:
    """As in PostgreSQL: the rest has its default."""
    assert compiled("INSERT INTO accounts SELECT id, name FROM users").part("public.accounts").columns == ("id", "name")


def test_columns_that_custom_sql_leaves_out_are_dropped(compiled) -> None:
    """Nobody has to say so."""
    found = compiled(INTO + "SELECT id, name, NULL FROM users")
    assert found.said() == []
    assert found.part("public.accounts").columns == ("id", "name", "team")


def test_two_targets_are_one_too_many(compiled) -> None:
    """Which of them was meant is not ours to say."""
    found = compiled(INTO + "SELECT id, name, NULL FROM users", target="public.accounts")
    assert found.said() == []
    found = compiled(INTO + "SELECT id, name, NULL FROM users", target="other")
    assert found.said() == [
        "map: db/map.yaml:3: tables.users: its target is 'other', and its custom_sql inserts into 'public.accounts'"
    ]
