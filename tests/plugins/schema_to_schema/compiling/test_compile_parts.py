"""Splits, merges, lookups; what is volatile, and what cannot be undone."""

from __future__ import annotations

import pytest

from confiture_schema_to_schema.values import LookupMap

OLD = """
CREATE TABLE people (id bigint PRIMARY KEY, name text NOT NULL, street text, city text, team_id int);
CREATE TABLE firms (id bigint PRIMARY KEY, title text, vat text);
CREATE TABLE teams (id int PRIMARY KEY, name text);
INSERT INTO people VALUES (1, 'Ann', 'Main', 'Rome', 7), (2, 'Bob', NULL, NULL, NULL);
INSERT INTO firms VALUES (11, 'Acme', 'IT1');
INSERT INTO teams VALUES (7, 'Red');
"""
NEW = """
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE people (id bigint PRIMARY KEY, name text NOT NULL, team_id int);
CREATE TABLE addresses (person_id bigint PRIMARY KEY, street text, city text);
CREATE TABLE parties (id bigint PRIMARY KEY, kind text NOT NULL, name text, vat text, state mood NOT NULL DEFAULT 'sad',
                      made timestamptz NOT NULL DEFAULT now(), n int DEFAULT 7, team text);
"""


def test_a_table_is_split_in_two(pair, entry, psql) -> None:
    """Each half takes its own; a column that one of them takes is lost to nobody."""
    compiled = pair.compile(
        OLD,
        NEW,
        entry("people"),
        entry("people", {"id": "person_id"}, target="addresses", filter="street IS NOT NULL"),
        tables=["people"],
    )
    assert compiled.said() == []
    pair.move(compiled)
    assert psql(pair.new, "SELECT * FROM people ORDER BY 1") == "1|Ann|7\n2|Bob|"
    assert psql(pair.new, "TABLE addresses") == "1|Main|Rome"
    assert compiled.part("public.addresses").label == "public.people -> public.addresses"
    assert len({part.number for table in compiled.tables.values() for part in table.parts}) == 2
    # The half that is not copied now takes its columns all the same.
    compiled = pair.again(
        entry("people"), entry("people", {"id": "person_id"}, target="addresses"), tables=["addresses"]
    )
    assert compiled.findings == ()
    assert list(compiled.tables) == ["public.addresses"]


MERGE = (
    {"target": "parties", "defaults": {"kind": "'person'", "made": "TIMESTAMPTZ '2020-01-01 00:00Z'"}},
    {"target": "parties", "defaults": {"kind": "'firm'", "made": "TIMESTAMPTZ '2020-01-01 00:00Z'", "n": "1"}},
)


def test_two_tables_are_merged(pair, entry, psql) -> None:
    """A column that one of them lacks gets the new table's default, or NULL, as if it had not been named."""
    people, firms = MERGE
    compiled = pair.compile(
        OLD,
        NEW,
        entry("people", {"street": None, "city": None, "team_id": None}, **people),
        entry("firms", {"title": "name"}, **firms),
        tables=["parties"],
    )
    assert compiled.said() == []
    table = compiled.tables["public.parties"]
    assert table.columns == ("id", "kind", "name", "vat", "made", "n")
    assert [part.columns for part in table.parts] == [table.columns] * 2
    assert table.parts[0].query.startswith("SELECT id, 'person'::text, name, NULL::text, ")
    assert table.parts[0].query.endswith(", 7 FROM public.people people")
    assert table.plain_key
    pair.move(compiled)
    assert psql(pair.new, "SELECT id, kind, name, vat, state, n FROM parties ORDER BY id") == (
        "1|person|Ann||sad|7\n2|person|Bob||sad|7\n11|firm|Acme|IT1|sad|1"
    )


def test_a_merge_takes_no_default_that_moves(pair, entry) -> None:
    """Rows of one run would have another value in each chunk."""
    people, firms = MERGE
    del (changed := dict(firms["defaults"]))["made"]
    compiled = pair.compile(
        OLD,
        NEW,
        entry("people", {"street": None, "city": None, "team_id": None}, **people),
        entry("firms", {"title": "name"}, **(firms | {"defaults": changed})),
        tables=["firms"],
    )
    assert compiled.said() == [
        "unfilled: db/map.yaml:3: tables.firms: column 'made' of 'public.parties' is filled from another table, and "
        "not from 'public.firms'; its default cannot be taken for it"
    ]
    assert compiled.tables == {}


def test_a_merge_that_nobody_wrote_is_told(pair, entry) -> None:
    """Since a table keeps its name."""
    old = "CREATE TABLE a (id int PRIMARY KEY, x text); CREATE TABLE b (id int PRIMARY KEY, x text);"
    compiled = pair.compile(old, "CREATE TABLE a (id int PRIMARY KEY, x text)", entry("b", target="a"))
    assert [part.source for part in compiled.tables["public.a"].parts] == ["public.b", "public.a"]
    assert compiled.said("note") == ["merged: 'public.a' takes the rows of 2 tables: 'public.b', 'public.a'"]


@pytest.mark.parametrize("join", ["left", "inner"])
def test_lookups_are_joined_to_each_row(pair, entry, psql, join) -> None:
    """A bare name is the table's own, as it would be without the lookup; the key stays the table's."""
    compiled = pair.compile(
        OLD,
        NEW,
        entry(
            "people",
            {"street": None, "city": None, "team_id": ("team", "t.name || '/' || name || (SELECT max(id) FROM firms)")},
            target="parties",
            defaults={"kind": "name"},
            filter="id > 0",
            lookups={"t": LookupMap(table="teams", on="t.id = team_id", join=join)},
        ),
        tables=["people"],
    )
    assert compiled.said() == []
    part = compiled.part("public.parties")
    assert part.query == (
        "SELECT people.id, people.name, people.name, "
        "((t.name || '/') || people.name) || (SELECT max(id) FROM public.firms) FROM public.people people "
        f"{'LEFT ' if join == 'left' else ''}JOIN public.teams t ON t.id = people.team_id WHERE people.id > 0"
    )
    assert set(part.lookups) == {"public.teams", "public.firms"}
    assert (part.key, part.complex) == (("id",), True)
    pair.move(compiled)
    assert psql(pair.new, "SELECT id, team FROM parties ORDER BY 1") == (
        "1|Red/Ann11\n2|" if join == "left" else "1|Red/Ann11"
    )


def test_lookups_that_are_wrong(pair, entry) -> None:
    """A table that is not there, or the name of the table itself."""
    for name, table, message in (
        ("t", "tems", "lookups: t: the old database has no table 'tems'"),
        ("people", "teams", "lookups: 'people' is the name of the table itself"),
    ):
        compiled = pair.compile(
            OLD, NEW, entry("people", lookups={name: LookupMap(table=table, on="true")}), tables=["people"]
        )
        assert any(message in said for said in compiled.said())


@pytest.mark.parametrize(
    ("sql", "volatile"),
    [
        ("random()", ("random()",)),
        ("gen_random_uuid()", ("gen_random_uuid()",)),
        ("now()", ("now()",)),
        ("CURRENT_TIMESTAMP(0)", ("current_timestamp",)),
        ("current_date + id", ("current_date",)),
        ("'now'::timestamptz", ("'now'",)),
        ("('today'::text)::date", ("'today'",)),
        ("age(made)", ("age()",)),
        ("clock_timestamp()", ("clock_timestamp()",)),
        ("current_user", ("current_user",)),
        ("app.ours(id)", ("ours()",)),
        ("app.ours(id, id)", ()),
        ("public.ours(id)", ()),
        ("lower(name) || to_char(made, 'YYYY')", ()),
        ("age(made, made)", ()),
        ("(SELECT count(*) FROM t AS o WHERE o.made < now())", ("now()",)),
    ],
)
def test_functions_of_the_moment_are_told(pair, entry, sql, volatile) -> None:
    """Each chunk would have another value, and nobody could compare afterwards."""
    old = """
    CREATE TABLE t (id int PRIMARY KEY, name text, made timestamptz); CREATE SCHEMA app;
    CREATE FUNCTION app.ours(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
    CREATE FUNCTION ours(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
    CREATE FUNCTION app.ours(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
    """
    compiled = pair.compile(
        old, "CREATE TABLE t (id int PRIMARY KEY, name text, made timestamptz, x text)", entry("t", defaults={"x": sql})
    )
    assert compiled.said() == []
    assert compiled.part("public.t").volatile == volatile
    assert len(compiled.said("warning")) == bool(volatile)
    assert all(said.startswith("volatile: db/map.yaml:3: tables.t: ") for said in compiled.said("warning"))


def test_keys(pair, entry) -> None:
    """What the map says, else the primary key, else another one; a table without one is read as a whole."""
    old = """
    CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b text NOT NULL); CREATE UNIQUE INDEX ON t (b, a);
    CREATE TABLE u (a int NOT NULL UNIQUE); CREATE TABLE v (a int UNIQUE);
    """
    compiled = pair.compile(old, old, entry("t", key=("a", "b")))
    assert compiled.said() == []
    assert [compiled.part(f"public.{name}").key for name in "tuv"] == [("b", "a"), ("a",), ()]
    assert [compiled.tables[f"public.{name}"].key for name in "tuv"] == [("id",), ("a",), ()]
    assert [compiled.tables[f"public.{name}"].plain_key for name in "tuv"] == [True, True, False]
    assert compiled.part("public.t").plain == {"id": "id", "a": "a", "b": "b"}


@pytest.mark.parametrize(
    ("old", "new", "plain"),
    [
        ("id bigint", "id bigint", True),
        ("id int", "id bigint", False),
        ("id text", "id text", False),
        ("id numeric(10,3)", "id numeric(10,2)", False),
        ("id uuid", "id uuid", True),
        ("id timestamptz", "id timestamptz", True),
        ("id float8", "id float8", False),
        ("id date", "id date", True),
    ],
)
def test_a_plain_key_has_one_order_everywhere(pair, old, new, plain) -> None:
    """Ranges of a text are those of a collation, and a cast may make two keys one."""
    compiled = pair.compile(f"CREATE TABLE t ({old} PRIMARY KEY)", f"CREATE TABLE t ({new} PRIMARY KEY)")
    assert compiled.tables["public.t"].plain_key is plain


def test_tables_that_inherit_are_read_alone(pair, psql) -> None:
    """Or the rows of the children would be there twice."""
    ddl = "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b () INHERITS (a);"
    compiled = pair.compile(ddl + "INSERT INTO a VALUES (1); INSERT INTO b VALUES (2);", ddl)
    assert compiled.part("public.a").query == "SELECT id FROM ONLY public.a a"
    pair.move(compiled)
    assert psql(pair.new, "SELECT array_agg(id) FROM a") == "{1,2}"
    assert psql(pair.new, "SELECT array_agg(id) FROM ONLY a") == "{1}"
    ddl = "CREATE TABLE a (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE p PARTITION OF a DEFAULT;"
    assert pair.compile(ddl, ddl).part("public.a").query == "SELECT id FROM public.a a"


def test_a_transform_over_many_rows_is_run_in_one_piece(pair, entry) -> None:
    """A number among all rows is another one among those of a chunk; one within a subquery is not."""
    ddl = "CREATE TABLE t (id int PRIMARY KEY, n bigint)"
    compiled = pair.compile("CREATE TABLE t (id int PRIMARY KEY)", ddl, entry("t", defaults={"n": "rank() OVER ()"}))
    assert (compiled.part("public.t").whole, compiled.part("public.t").key) == ("it has a window function", ())
    part = pair.again(entry("t", defaults={"n": "(SELECT max(rank) FROM (SELECT rank() OVER ()) r)"})).part("public.t")
    assert (part.whole, part.key) == (None, ("id",))


def test_the_half_that_is_custom_takes_all(pair, entry) -> None:
    """Also where it is not copied now: what it does not mention is dropped."""
    sql = "INSERT INTO addresses (person_id) SELECT id FROM people"
    compiled = pair.compile(OLD, NEW, entry("people"), entry("people", custom_sql=sql), tables=["public.addresses"])
    assert compiled.said() == []
    compiled = pair.again(
        entry("people", target="parties", defaults={"kind": "'x'"}),
        entry("people", custom_sql=sql),
        tables=["parties"],
    )
    assert compiled.said() == []
    assert list(compiled.tables) == ["public.parties"]


def test_a_merge_has_one_order_of_columns(pair, entry, psql) -> None:
    """Also where a query must stay as it was written."""
    compiled = pair.compile(
        "CREATE TABLE a (id int, x int); CREATE TABLE b (id int, x int); INSERT INTO b VALUES (1, 2), (1, 2)",
        "CREATE TABLE a (id int, x int)",
        entry("a"),
        entry("b", custom_sql="INSERT INTO a (x, id) SELECT DISTINCT x, id FROM b"),
    )
    assert compiled.said() == []
    assert [part.columns for part in compiled.tables["public.a"].parts] == [("id", "x")] * 2
    pair.move(compiled)
    assert psql(pair.new, "TABLE a") == "1|2"
