"""A column's type on the one side and on the other: as it is, cast, by its text, or not at all."""

from __future__ import annotations

import pytest

#: old type, new type, what the query says of the column c, whether it travels in binary, text for validation
FITS = [
    ("int", "int", "c", True, "{}"),
    ("int", "bigint", "c::bigint", True, "{}"),
    ("bigint", "int", "c::int", True, "{}"),
    ("numeric(10,4)", "numeric(10,2)", "c", True, "CAST({} AS numeric(10,2))"),
    ("numeric", "int", "c::int", True, "{}"),
    ("float8", "numeric(6,1)", "c::numeric", True, "CAST({} AS numeric(6,1))"),
    ("int", "text", "c::text", True, "{}"),
    ("timestamp", "timestamptz(0)", "c::timestamp with time zone", True, "CAST({} AS timestamp(0) with time zone)"),
    ("timestamp(3)", "timestamp(3)", "c", True, "{}"),
    ("date", "timestamp", "c::timestamp", True, "{}"),
    ("text", "varchar(5)", "c::varchar", True, "CASE"),
    ("varchar(9)", "varchar(5)", "c", True, "CASE"),
    ("varchar(5)", "varchar(5)", "c", True, "{}"),
    ("text", "char(5)", "c::bpchar", True, "CASE"),
    ("char(5)", "text", "c::text", True, "{}"),
    ("char(5)", "varchar(9)", "c::varchar", True, "CASE"),
    ("text", '"char"', 'c::"char"', True, "{}"),
    ("json", "jsonb", "c::jsonb", True, "{}"),
    ("bit varying(3)", "bit(3)", 'c::"bit"', True, "CAST({} AS bit(3))"),
    ("int[]", "bigint[]", "c::bigint[]", True, "{}"),
    ("int[]", "text[]", "c::text[]", True, "{}"),
    ("numeric[]", "numeric(5,1)[]", "c", True, "CAST({} AS numeric(5,1)[])"),
    ("mood", "mood", "c", True, "{}"),
    ("mood", "text", "c::text", True, "{}"),
    ("text", "mood", "c", False, "{}"),
    ("mood", "feeling", "c", False, "{}"),
    ("varchar(9)", "feeling", "c", False, "{}"),
    ("mood[]", "feeling[]", "c", False, "{}"),
    ("text[]", "feeling[]", "c", False, "{}"),
    ("mood[]", "mood[]", "c", True, "{}"),
    ("text", "point2", "c", False, "{}"),
    ("point2", "point2", "c", True, "{}"),
    ("text", "mail", "c", True, "{}"),
    ("varchar", "mail", "c::text", True, "{}"),
    ("oldmail", "text", "c", True, "{}"),
    ("int", "price", "c::numeric", True, "CAST({} AS numeric(10,2))"),
    ("numeric", "price", "c", True, "CAST({} AS numeric(10,2))"),
    ("numeric", "cheap", "c", True, "CAST({} AS numeric(10,2))"),
    ("int4range", "int4range", "c", True, "{}"),
]
TYPES = """
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE point2 AS (x int, y int);
"""
OLD_TYPES = TYPES + "CREATE DOMAIN oldmail AS text;"
NEW_TYPES = """
CREATE TYPE feeling AS ENUM ('sad', 'happy');
CREATE DOMAIN mail AS text CHECK (VALUE LIKE '%@%');
CREATE DOMAIN price AS numeric(10,2);
CREATE DOMAIN cheap AS price;
"""


@pytest.fixture(scope="module")
def fitted(databases):
    """All pairs of types, each as a table, compiled once; by its number."""
    old = OLD_TYPES + "".join(f"CREATE TABLE t{n} (c {one});" for n, (one, *_) in enumerate(FITS))
    new = TYPES + NEW_TYPES + "".join(f"CREATE TABLE t{n} (c {other});" for n, (_, other, *_) in enumerate(FITS))
    return databases.compile(old, new)


@pytest.mark.parametrize("number", range(len(FITS)), ids=[f"{one} to {other}" for one, other, *_ in FITS])
def test_a_column_gets_to_its_type_as_an_assignment_would(fitted, number) -> None:
    """The cast has no length: an explicit one would cut without a word, where COPY and INSERT say it is too long."""
    _, _, sql, binary, text = FITS[number]
    assert fitted.said() == []
    part = fitted.part(f"public.t{number}")
    assert part.query == f"SELECT {sql} FROM public.t{number} t{number}"
    assert part.binary is binary
    found = fitted.tables[f"public.t{number}"].texts["c"]
    assert found.startswith("CASE") if text == "CASE" else found == text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("text", "int", "is text, and PostgreSQL does not assign that to 'c' of 'public.t', which is integer"),
        ("int", "uuid", "is integer, and PostgreSQL does not assign that to 'c' of 'public.t', which is uuid"),
        ("bool", "int", "is boolean,"),
        ("text", "jsonb", "is text,"),
        ("int", "mood", "is integer, and PostgreSQL does not assign that to 'c' of 'public.t', which is public.mood"),
        ("text", "int[]", "is text,"),
        ("int", "int[]", "is integer,"),
        ("timestamptz", "interval", "is timestamp with time zone,"),
        ("text", "mood[]", "is text,"),
        ("text[]", "mood", "is text[],"),
    ],
)
def test_types_that_nothing_leads_between_are_an_error(pair, entry, old, new, message) -> None:
    """Both are named, and that a transform helps."""
    compiled = pair.compile(f"CREATE TABLE t (c {old})", f"{TYPES} CREATE TABLE t (c {new})")
    (found,) = compiled.findings
    assert (found.check, found.level) == ("type", "error")
    assert found.message.startswith(f"column 'c' of 'public.t' {message}")
    assert (found.hint or "").startswith("write a transform that gives ")


VALUES = """
('numeric(10,4)', 'numeric(10,2)', '1.2350'), ('float8', 'numeric(6,1)', '2.25'), ('float8', 'int', '2.5'),
('timestamp', 'timestamp(0)', '2020-01-01 10:00:00.6'), ('text', 'varchar(5)', 'abc    '), ('text', 'char(5)', 'ab'),
('char(5)', 'text', 'ab'), ('numeric[]', 'numeric(5,1)[]', '{1.25,NaN}'), ('int', 'price', '3'),
('interval', 'interval(0)', '1 day 00:00:01.7'), ('time', 'time(1)', '10:00:00.16'),
('varchar(9)', 'varchar(3)', 'ab   '),
('text', 'mood', 'sad'), ('bit varying(5)', 'bit(3)', '101')
"""


def test_what_validation_compares_is_what_is_stored(pair, psql) -> None:
    """The text of `texts` over the query's value is that of the column: over the source, and over the target."""
    rows = [row.split("|") for row in psql(pair.old, f"VALUES {VALUES}").splitlines()]
    old = "".join(
        f"CREATE TABLE t{n} (c {one}); INSERT INTO t{n} VALUES ('{v}');" for n, (one, _, v) in enumerate(rows)
    )
    new = TYPES + NEW_TYPES + "".join(f"CREATE TABLE t{n} (c {other});" for n, (_, other, _) in enumerate(rows))
    compiled = pair.compile(old, new)
    assert compiled.said() == []
    pair.move(compiled)
    ours, theirs = [], []
    for table in compiled.tables.values():
        text = table.texts["c"]
        query = table.parts[0].query
        ours.append(f"(SELECT ROW(CAST({text.replace('{}', 'm.c')} AS text)) FROM ({query}) AS m(c))")
        theirs.append(f"(SELECT ROW(CAST({text.replace('{}', 'c')} AS text)) FROM {table.table.sql})")
    stored = psql(pair.new, "SELECT " + ", ".join(f"(SELECT ROW(c::text) FROM t{n})" for n in range(len(rows))))
    in_order = sorted(range(len(rows)), key=lambda n: f"public.t{n}")
    stored = "|".join(stored.split("|")[n] for n in in_order)
    assert psql(pair.new, f"SELECT {', '.join(theirs)}") == stored
    assert psql(pair.old, f"SELECT {', '.join(ours)}") == stored


def test_a_longer_value_is_not_taken_for_its_beginning(pair, psql) -> None:
    """A cast would cut it, and a row that somebody cut would look as if it were right."""
    compiled = pair.compile("CREATE TABLE t (c text); INSERT INTO t VALUES ('abcdef')", "CREATE TABLE t (c varchar(3))")
    text = compiled.tables["public.t"].texts["c"].replace("{}", "c")
    assert psql(pair.old, f"SELECT {text} FROM t") == "abcdef"


def test_constants_take_the_type_of_where_they_go(pair, entry, psql) -> None:
    """As in INSERT ... SELECT 'new', NULL: also where the old database has no such type."""
    compiled = pair.compile(
        TYPES + "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);",
        TYPES + NEW_TYPES + "CREATE TABLE t (id int PRIMARY KEY, a mood, n numeric, u uuid, d date);",
        entry("t", defaults={"a": "'sad'", "n": "NULL", "u": "'00000000-0000-0000-0000-000000000001'", "d": "NULL"}),
    )
    assert compiled.said() == []
    assert compiled.part("public.t").query == (
        "SELECT id, 'sad'::public.mood, NULL::numeric, '00000000-0000-0000-0000-000000000001'::uuid, NULL::date "
        "FROM public.t t"
    )
    pair.move(compiled)
    assert psql(pair.new, "TABLE t") == "1|sad||00000000-0000-0000-0000-000000000001|"
    compiled = pair.compile(
        "CREATE TABLE t (id int PRIMARY KEY)",
        TYPES + "CREATE TABLE t (id int PRIMARY KEY, a mood, b int)",
        entry("t", defaults={"a": "'sad'", "b": "'1'"}),
    )
    assert compiled.part("public.t").query == "SELECT id, 'sad', '1'::int FROM public.t t"
    assert not compiled.part("public.t").binary
    assert pair.psql(pair.old, "CREATE TYPE mood AS ENUM ('happy')") == ""
    part = pair.again(entry("t", defaults={"a": "'sad'"})).part("public.t")  # a label that only the new one has
    assert (part.query, part.binary) == ("SELECT id, 'sad' FROM public.t t", False)
    compiled = pair.again(entry("t", defaults={"b": "'x'"}))
    assert compiled.said() == [
        "map: db/map.yaml:3: tables.t: what goes into 'b': invalid input syntax for type integer: \"x\""
    ]


def test_generated_and_identity_columns(pair, entry, psql) -> None:
    """What the target computes is never filled, and lost to nobody; an identity is filled with what was there."""
    compiled = pair.compile(
        "CREATE TABLE t (id int PRIMARY KEY, twice int, s int GENERATED ALWAYS AS (id + 1) STORED);"
        "INSERT INTO t VALUES (5, 10)",
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " twice int GENERATED ALWAYS AS (id * 2) STORED, s int)",
    )
    assert compiled.said() == []
    assert compiled.part("public.t").columns == ("id", "s")
    pair.move(compiled)
    assert psql(pair.new, "TABLE t") == "5|10|6"
