"""Statements in the wrong order, sorted so that a real server builds the same schema from them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from confiture.errors import DependencyError
from confiture.model import Target
from confiture.sql import missing_hint, order_statements
from schema_samples import DATA, SCHEMA, dump, read, script, shuffled


def ordered(*texts: str) -> list[str]:
    return [statement.sql for statement in order_statements(read(*texts)).statements]


@pytest.mark.parametrize("seed", range(4))
def test_a_shuffled_schema_builds_the_same(
    seed: int, new_database: Callable[[], Target], psql: Callable[..., str]
) -> None:
    """Whatever order files are read in, what PostgreSQL holds in the end must be the same."""
    right, mixed = new_database(), new_database()
    plan = order_statements(read(SCHEMA))
    psql(right, script(plan.statements), "-1")
    psql(mixed, script(order_statements(shuffled(read(SCHEMA), seed)).statements), "-1")
    assert dump(mixed) == dump(right)
    assert psql(mixed, "SELECT count(*) FROM shop.orders JOIN shop.users u ON u.id = user_id") == "1"


@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled_pagila_builds_the_same(
    seed: int, new_database: Callable[[], Target], psql: Callable[..., str]
) -> None:
    """A dump with partitions, triggers, aggregates and foreign keys, its data included."""
    path = DATA / "pagila.sql"
    if not path.exists():
        pytest.skip("no shared sample pagila.sql")
    plan = read(path.read_text())
    right, mixed = new_database(), new_database()
    psql(right, script(plan.statements), "-1")
    psql(mixed, script(order_statements(shuffled(plan, seed)).statements), "-1")
    assert dump(mixed) == dump(right)
    rows = "SELECT sum(amount), count(*) FROM public.payment"
    assert psql(mixed, rows) == psql(right, rows)


def test_an_order_that_is_right_stays() -> None:
    """Sorting only what is wrong keeps the files readable side by side with what runs."""
    plan = read("CREATE TABLE z ();", "SET work_mem = '8MB'; CREATE TABLE b ();", "CREATE TABLE a ();")
    ordering = order_statements(plan)
    assert ordering.statements == plan.statements
    assert not ordering.changed


def test_only_what_must_moves() -> None:
    """The mission's own tree: comments.sql sorts before users.sql."""
    ordering = order_statements(
        read("CREATE TABLE comments (id int, u int REFERENCES users (id));", "CREATE TABLE notes ();",
             "CREATE TABLE users (id int PRIMARY KEY);")
    )  # fmt: skip
    assert [statement.sql.split()[2] for statement in ordering.statements] == ["notes", "users", "comments"]
    (moved,) = ordering.moved
    assert moved.statement.sql.startswith("CREATE TABLE comments")
    assert [(because.need, because.origin.file) for because in moved.because if because.origin] == [
        ('relation "public.users"', "2.sql")
    ]


def test_settings_travel_with_the_statements_of_their_file(
    new_database: Callable[[], Target], psql: Callable[..., str]
) -> None:
    """A statement that moves must still be read under its own search path and role."""
    files = (
        "SET search_path TO one; SET work_mem = '1MB'; CREATE TABLE a (x other); RESET work_mem;",
        "SET search_path TO two; CREATE TABLE a (x int); CREATE VIEW v AS SELECT * FROM a; RESET search_path;",
        "CREATE SCHEMA one; CREATE SCHEMA two; CREATE DOMAIN one.other AS int; CREATE TABLE plain (y int);",
    )
    target = new_database()
    statements = order_statements(read(*files)).statements
    psql(target, script(statements), "-1")
    tables = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information)' ORDER BY 1"
    assert psql(target, tables).split() == ["one.a", "public.plain", "two.a"]
    assert all(statement.session for statement in statements if statement.sql.startswith(("SET", "RESET")))


CIRCLES = {
    "column": "CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES b ON DELETE SET NULL INITIALLY DEFERRED);"
    "CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a (id) UNIQUE);",
    "named": 'CREATE TABLE a (id int PRIMARY KEY, b int CONSTRAINT "to b" REFERENCES b ON UPDATE CASCADE'
    " CHECK (b > 0));"
    "CREATE TABLE b (id int PRIMARY KEY, a int, CONSTRAINT back FOREIGN KEY (a) REFERENCES a MATCH FULL NOT VALID);",
    "several": "CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES b REFERENCES c, c int, FOREIGN KEY (c)"
    " REFERENCES c, FOREIGN KEY (b) REFERENCES a DEFERRABLE, up int REFERENCES a);"
    "CREATE TABLE b (id int PRIMARY KEY, c int REFERENCES c NOT ENFORCED);"
    "CREATE TABLE c (id int PRIMARY KEY, a int REFERENCES a NOT DEFERRABLE);",
    "two columns": "CREATE TABLE a (x int, y int, z int, PRIMARY KEY (x, y), FOREIGN KEY (y, z) REFERENCES b (x, y));"
    "CREATE TABLE b (x int, y int, UNIQUE (y, x), FOREIGN KEY (x, y) REFERENCES a ON DELETE SET NULL (x));",
}


@pytest.mark.parametrize("sql", CIRCLES.values(), ids=CIRCLES)
def test_foreign_keys_in_a_circle_are_what_they_would_have_been_inline(
    sql: str, new_database: Callable[[], Target], psql: Callable[..., str]
) -> None:
    """Name and properties are judged by a server that has the other tables first, so that inline works there."""
    names = ("a", "b", "c") if " c " in sql else ("a", "b")
    target = new_database()
    ordering = order_statements(read(sql))
    psql(target, script(ordering.statements), "-1")
    assert any(moved.note for moved in ordering.moved)
    constraints = (
        "SELECT conname, pg_get_constraintdef(oid), condeferrable, condeferred, convalidated, conenforced "
        "FROM pg_constraint WHERE contype = 'f' AND conrelid = '{0}'::regclass ORDER BY 1"
    )
    ours = {name: psql(target, constraints.format(name)) for name in names}
    for name in names:
        # The judge: this table as the file has it, the others there before it without their foreign keys.
        judge = new_database()
        bare = [statement.sql for statement in ordering.statements if not statement.sql.startswith("ALTER")]
        psql(judge, ";".join(other for other in bare if not other.startswith(f"CREATE TABLE {name} ")), "-1")
        inline = next(part for part in sql.split(";") if part.strip().startswith(f"CREATE TABLE {name} "))
        psql(judge, inline)
        assert ours[name] == psql(judge, constraints.format(name))
        assert ours[name]


def test_any_other_circle_is_refused_with_all_of_its_places() -> None:
    """Nothing can break it for the user, so it is shown whole."""
    with pytest.raises(DependencyError) as caught:
        order_statements(
            read("SELECT 1;\nCREATE VIEW a AS SELECT * FROM b;", "CREATE VIEW b AS SELECT * FROM c;",
                 "CREATE TABLE t ();\n\nCREATE VIEW c AS SELECT * FROM a;")
        )  # fmt: skip
    detail = caught.value.detail or ""
    assert all(place in detail for place in ("0.sql:2", "1.sql:1", "2.sql:3"))
    assert "CREATE TABLE t" not in detail
    assert caught.value.hint


@pytest.mark.parametrize("permutation", list(itertools.permutations(range(3)))[1:])
def test_schemas_and_extensions_come_before_what_lies_in_them(permutation: tuple[int, ...]) -> None:
    """A type that nobody in the plan makes is an extension's."""
    parts = ("CREATE SCHEMA s", "CREATE EXTENSION hstore SCHEMA s", "CREATE TABLE t (h hstore)")
    assert ordered(*(parts[index] for index in permutation)) == list(parts)


@pytest.mark.parametrize(
    ("late", "early"),
    [
        ("CREATE TABLE a (x s.t[])", "CREATE TYPE s.t AS ENUM ('a'); CREATE SCHEMA s"),
        ("CREATE TABLE a (x int DEFAULT f())", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"),
        ("CREATE TABLE a (x int DEFAULT nextval('n'))", "CREATE SEQUENCE n"),
        ('CREATE TABLE a (x int DEFAULT nextval(\'"S x"."N"\'::regclass))',
         'CREATE SCHEMA "S x"; CREATE SEQUENCE "S x"."N"'),
        ("CREATE INDEX ON a (f(x))", "CREATE TABLE a (x int); CREATE FUNCTION f(i int) RETURNS int IMMUTABLE RETURN 1"),
        ("CREATE TABLE a (t text COLLATE c)", "CREATE COLLATION c (LOCALE = 'C')"),
        ("CREATE TABLE a () INHERITS (b)", "CREATE TABLE b ()"),
        ("CREATE VIEW a AS WITH t AS (SELECT 1) SELECT * FROM t, u", "CREATE TABLE u ()"),
        ("GRANT SELECT ON a TO r", "CREATE TABLE a (); CREATE ROLE r"),
        ("ALTER TABLE a OWNER TO r", "CREATE TABLE a (); CREATE ROLE r"),
        ("ALTER TYPE e ADD VALUE 'x'", "CREATE TYPE e AS ENUM ()"),
        ("COMMENT ON FUNCTION f(int) IS 'x'", "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'"),
        ("COMMENT ON CONSTRAINT k ON a IS 'x'",
         "CREATE TABLE a (x int); ALTER TABLE a ADD CONSTRAINT k CHECK (x > 0)"),
        ("COPY a (x) FROM stdin", "CREATE TABLE a (y int); ALTER TABLE a ADD COLUMN x int"),
        ("INSERT INTO a (x) VALUES (1)", "CREATE TABLE a (x int)"),
        ("DO $$ BEGIN PERFORM count(*) FROM a; END $$", "CREATE TABLE a (x int)"),
        ("SELECT g()", "CREATE FUNCTION g() RETURNS void LANGUAGE plpgsql AS 'BEGIN INSERT INTO b VALUES (1); END'; "
         "CREATE TABLE b (x int)"),
        ("CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()", "CREATE FUNCTION f() RETURNS event_trigger "
         "LANGUAGE plpgsql AS 'BEGIN END'"),
        ("CREATE TABLE a (x int REFERENCES b (y))", "CREATE TABLE b (y int); CREATE UNIQUE INDEX ON b (y)"),
        ("ALTER TABLE a ADD FOREIGN KEY (x) REFERENCES b", "CREATE TABLE a (x int); CREATE TABLE b (y int); "
         "ALTER TABLE b ADD PRIMARY KEY (y)"),
        ("ALTER TABLE a ADD PRIMARY KEY USING INDEX i",
         "CREATE TABLE a (x int NOT NULL); CREATE UNIQUE INDEX i ON a (x)"),
        ("REFRESH MATERIALIZED VIEW m", "CREATE MATERIALIZED VIEW m AS SELECT 1 WITH NO DATA"),
        ("CREATE PUBLICATION p FOR TABLE a", "CREATE TABLE a ()"),
        ("CREATE TYPE r AS RANGE (subtype = d)", "CREATE DOMAIN d AS int"),
        ("CREATE FOREIGN TABLE t (a int) SERVER s",
         "CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN DATA WRAPPER w"),
        ("CREATE FOREIGN DATA WRAPPER w VALIDATOR f", "CREATE FUNCTION f(text[], oid) RETURNS void LANGUAGE c AS 'x'"),
        ("COMMENT ON CAST (e AS int) IS 'x'",
         "CREATE CAST (e AS int) WITH INOUT; CREATE TYPE e AS ENUM ()"),
        ("CREATE LANGUAGE l HANDLER h", "CREATE FUNCTION h() RETURNS language_handler LANGUAGE c AS 'x'"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE l AS 'x'",
         "CREATE LANGUAGE l HANDLER h; CREATE FUNCTION h() RETURNS language_handler LANGUAGE c AS 'x'"),
        ("CREATE TRANSFORM FOR e LANGUAGE l (FROM SQL WITH FUNCTION f(internal))",
         "CREATE LANGUAGE l HANDLER h; CREATE TYPE e AS ENUM (); "
         "CREATE FUNCTION f(internal) RETURNS internal LANGUAGE c AS 'x'"),
        ("CREATE TABLE a (x int) USING m", "CREATE ACCESS METHOD m TYPE TABLE HANDLER pg_catalog.heap_tableam_handler"),
        ("CREATE CONVERSION c FOR 'LATIN1' TO 'UTF8' FROM f",
         "CREATE FUNCTION f(int, int, cstring, internal, int, bool) RETURNS int LANGUAGE c AS 'x'"),
        ("ALTER OPERATOR FAMILY o USING btree ADD FUNCTION 1 f(int, int)",
         "CREATE OPERATOR FAMILY o USING btree; CREATE FUNCTION f(int, int) RETURNS int RETURN 1"),
        ("ALTER TEXT SEARCH CONFIGURATION c ADD MAPPING FOR word WITH d",
         "CREATE TEXT SEARCH CONFIGURATION c (COPY = simple); CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple)"),
        ("ALTER STATISTICS s SET STATISTICS 9", "CREATE TABLE a (x int, y int); CREATE STATISTICS s ON x, y FROM a"),
        ("CREATE INDEX i ON ONLY a (x)",
         "CREATE TABLE a (x int) PARTITION BY LIST (x); CREATE TABLE b PARTITION OF a DEFAULT"),
    ],
)  # fmt: skip
def test_what_is_needed_comes_first(late: str, early: str) -> None:
    """One case for each way in which a statement names another's object."""
    assert ordered(late, early)[-1] == late


def test_a_dropped_object_keeps_its_place() -> None:
    """DROP before CREATE clears the way, DROP behind it is meant to remove."""
    view = "CREATE VIEW v AS SELECT * FROM b"
    statements = ["DROP TABLE IF EXISTS a", view, "CREATE TABLE a ()", "CREATE TABLE b ()"]
    assert ordered(*statements) == [statements[0], *statements[2:], statements[1]]
    tail = ["CREATE VIEW v AS SELECT * FROM b", "CREATE TABLE b ()", "CREATE TABLE a ()", "DROP TABLE a"]
    assert ordered(*tail).index("DROP TABLE a") > ordered(*tail).index("CREATE TABLE a ()")


def test_a_hint_names_the_later_file_that_makes_what_is_missing() -> None:
    """The error of the mission's own tree must lead the user on."""
    plan = read("CREATE TABLE comments (u int REFERENCES users, k kind);", "CREATE TABLE users (id int PRIMARY KEY);",
                "\n CREATE TYPE kind AS ENUM ('a');")  # fmt: skip
    name, origin = missing_hint(plan, 0, "42P01", "users") or ("", None)
    assert (name, origin and origin.file) == ('relation "public.users"', "1.sql")
    name, origin = missing_hint(plan, 0, "42704", "kind") or ("", None)
    assert (name, origin and (origin.file, origin.line)) == ('type "public.kind"', ("2.sql", 2))
    assert missing_hint(plan, 1, "42P01", "nothing") is None


def test_a_foreign_key_added_last_is_read_under_its_tables_settings(
    new_database: Callable[[], Target], psql: Callable[..., str]
) -> None:
    """Behind everything another search path may be in effect, under which its names mean nothing."""
    target = new_database()
    sql = (
        "CREATE SCHEMA s; SET search_path TO s; CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES b);"
        "CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a); SET search_path TO public; CREATE TABLE c ();"
    )
    psql(target, script(order_statements(read(sql)).statements), "-1")
    assert psql(target, "SELECT count(*) FROM pg_constraint WHERE contype = 'f'") == "2"


def test_statements_on_one_object_keep_their_order() -> None:
    """The rows are meant for the table as it is after the ALTER, although they would fit before it."""
    table, alter, rows, kind = (
        "CREATE TABLE a ()",
        "ALTER TABLE a ADD COLUMN x t DEFAULT 'v'",
        "INSERT INTO a DEFAULT VALUES",
        "CREATE TYPE t AS ENUM ('v')",
    )
    assert ordered(table, alter, rows, kind) == [table, kind, alter, rows]


def test_the_name_of_a_with_query_is_not_a_table() -> None:
    """It hides a table of the same name."""
    plan = read("CREATE VIEW a AS WITH t AS (SELECT 1) SELECT * FROM t;", "CREATE TABLE t ();")
    assert not order_statements(plan).changed
