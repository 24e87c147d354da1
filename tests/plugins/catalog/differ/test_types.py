"""Types: changed in place where PostgreSQL can, else made anew beside the old one, and every value brought over."""

from __future__ import annotations

import re

import pytest

from confiture.errors import Refused

pytestmark = pytest.mark.anyio

TABLE = "CREATE TABLE t (id int, v v);"


def enum(*labels: str, name: str = "v") -> str:
    return f"CREATE TYPE {name} AS ENUM ({', '.join(repr(label) for label in labels)});"


async def test_labels_are_added_in_their_places(migrates) -> None:
    ends = {
        "last": (("a", "b", "c"), ["'c'"]),
        "first": (("x", "a", "b"), ["'x' BEFORE 'a'"]),
        "two_first": (("x", "y", "a", "b"), ["'x' BEFORE 'a'", "'y' AFTER 'x'"]),
        "two_within": (("a", "m", "n", "b"), ["'m' AFTER 'a'", "'n' AFTER 'm'"]),
    }
    old = "".join(enum("a", "b", name=name) for name in ends)
    new = "".join(enum(*labels, name=name) for name, (labels, _) in ends.items())
    wanted = [f"ALTER TYPE public.{name} ADD VALUE {value}" for name, (_, values) in ends.items() for value in values]
    assert sorted(await migrates(old, new)) == sorted(wanted)


async def test_a_label_that_the_plan_goes_on_to_use_is_committed_before(migrates, kernel_run) -> None:
    """55P04 is what PostgreSQL says otherwise; psql, which commits each statement, would not show it."""
    from confiture.model import DiffOptions
    from confiture_catalog.differ.planning import make_plan

    async with kernel_run() as run:
        sides = []
        for sql in (enum("a") + TABLE, enum("a", "b", "c") + TABLE + "ALTER TABLE t ALTER v SET DEFAULT 'b'"):
            async with run.scratch("side") as target:
                sides.append(await _loaded(run, target, sql))
        plan = make_plan(*sides, DiffOptions())
    added = {each.sql: each.transactional for each in plan.statements if "ADD VALUE" in each.sql}
    assert added == {
        "ALTER TYPE public.v ADD VALUE 'b'": False,
        "ALTER TYPE public.v ADD VALUE 'c'": True,
    }


async def _loaded(run, target, sql):
    from confiture.hooks import INSPECTOR

    async with run.connect(target) as connection:
        await connection.execute(sql)
    return await run.get(INSPECTOR, "catalog").inspect(run, target)


EVERYWHERE = """
    CREATE DOMAIN d AS v DEFAULT 'a' CHECK (value <> 'b');
    CREATE TYPE pair AS (n int, v v);
    CREATE TABLE t (
        id int PRIMARY KEY, v v NOT NULL DEFAULT 'a', vs v[] DEFAULT '{a}', d d, ds d[], p pair, ps pair[],
        g text GENERATED ALWAYS AS (CASE v WHEN 'a' THEN 'first' END) STORED,
        CONSTRAINT not_b CHECK (v <> 'b')
    );
    CREATE INDEX only_a ON t (id) WHERE v = 'a';
    CREATE INDEX plain ON t (v);
    COMMENT ON INDEX only_a IS 'stays';
    CREATE TABLE child () INHERITS (t);
    CREATE TABLE keys (v v PRIMARY KEY);
    CREATE TABLE refers (v v REFERENCES keys);
    CREATE VIEW few AS SELECT v, vs FROM t WHERE v = 'a';
    CREATE MATERIALIZED VIEW counts AS SELECT v, count(*) FROM t GROUP BY v;
    CREATE INDEX counts_v ON counts (v);
    CREATE FUNCTION same(v) RETURNS v LANGUAGE sql AS 'SELECT $1';
    CREATE FUNCTION first(x v) RETURNS boolean LANGUAGE sql BEGIN ATOMIC SELECT x = 'a'; END;
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
    CREATE TRIGGER touched BEFORE UPDATE OF v ON t FOR EACH ROW WHEN (old.v = 'a') EXECUTE FUNCTION touch();
    CREATE POLICY own ON t USING (v = 'a');
    CREATE CAST (v AS int) WITH INOUT;
    CREATE FUNCTION step(int, v) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
    CREATE AGGREGATE total(v) (sfunc = step, stype = int, initcond = '0');
    CREATE OPERATOR CLASS ops FOR TYPE v USING hash AS OPERATOR 1 = (anyenum, anyenum), FUNCTION 1 hashenum(anyenum);
    CREATE TABLE indexed (v v, w v, r int4range, EXCLUDE USING gist (r WITH &&) WHERE (v = 'a'), CHECK (v <> w));
    CREATE INDEX by_ops ON indexed USING hash (v ops);
    CREATE STATISTICS of_both ON v, w FROM indexed;
"""


async def test_an_enum_without_a_label_takes_along_all_that_holds_it(migrates) -> None:
    statements = await migrates(
        enum("a", "b", "c") + EVERYWHERE,
        enum("c", "a", "b") + EVERYWHERE,
        rows="INSERT INTO t (id, v, vs, d, ds, p, ps) VALUES"
        " (1, 'c', '{a,b}', 'c', '{a,c}', '(1,b)', '{\"(2,c)\"}'); INSERT INTO keys VALUES ('b');"
        " INSERT INTO refers VALUES ('b'); REFRESH MATERIALIZED VIEW counts",
        after={
            "SELECT v, vs, d, ds, p, ps, g FROM t": 'c|{a,b}|c|{a,c}|(1,b)|{"(2,c)"}|',
            "SELECT * FROM refers JOIN keys USING (v)": "b",
            "SELECT * FROM counts": "c|1",
        },
    )
    kept = ("t_pkey", "keys_pkey", "plain", "DROP TABLE", "not_null")
    assert not [each for each in statements if any(name in each for name in kept)]


async def test_a_label_in_use_cannot_go(migrates) -> None:
    with pytest.raises(AssertionError, match="invalid input value for enum v"):
        await migrates(enum("a", "b") + TABLE, enum("a") + TABLE, rows="INSERT INTO t VALUES (1, 'b')")


async def test_a_table_that_is_partitioned_by_an_enum_is_not_dropped_unasked(migrates) -> None:
    parts = "CREATE TABLE p (v v) PARTITION BY LIST (v); CREATE TABLE p_a PARTITION OF p FOR VALUES IN ('a');"
    with pytest.raises(Refused, match=r"public\.p'"):
        await migrates(enum("a", "b") + parts, enum("a") + parts)
    await migrates(enum("a", "b") + parts, enum("a") + parts, drops=("*",), back=False)


async def test_a_domain_is_altered_in_place(migrates) -> None:
    short = "CONSTRAINT short CHECK (length(value) < {})"
    checked = ["ADD CONSTRAINT short CHECK ((length(VALUE) < {})) NOT VALID", "VALIDATE CONSTRAINT short"]
    changes = {
        "default_set": ("", "DEFAULT 'x'", ["SET DEFAULT 'x'::text"]),
        "default_dropped": ("DEFAULT 'x'", "", ["DROP DEFAULT"]),
        "not_null_set": ("", "NOT NULL", ["ADD CONSTRAINT not_null_set_not_null NOT NULL"]),
        "not_null_dropped": ("NOT NULL", "", ["DROP CONSTRAINT not_null_dropped_not_null"]),
        "check_added": ("", short.format(9), [each.format(9) for each in checked]),
        "check_changed": (
            short.format(9),
            short.format(5),
            ["DROP CONSTRAINT short", *(each.format(5) for each in checked)],
        ),
    }
    columns = ", ".join(f"{name} {name}" for name in changes)
    sides = [
        "".join(f"CREATE DOMAIN {name} AS text {words[side]};" for name, words in changes.items())
        + f"CREATE TABLE t ({columns})"
        for side in (0, 1)
    ]
    forward = await migrates(*sides)
    for name, (_, _, statements) in changes.items():
        said = [each for each in forward if f" public.{name} " in each]
        assert said == [f"ALTER DOMAIN public.{name} {each}" for each in statements]
    assert not [each for each in forward if not each.startswith("ALTER DOMAIN")]


async def test_a_constraint_that_was_not_valid_is_validated(migrates) -> None:
    added = "CREATE DOMAIN v AS int; ALTER DOMAIN v ADD CONSTRAINT positive CHECK (value > 0) NOT VALID;" + TABLE
    validated = added + "ALTER DOMAIN v VALIDATE CONSTRAINT positive;"
    assert await migrates(added, validated) == ["ALTER DOMAIN public.v VALIDATE CONSTRAINT positive"]


async def test_a_domain_whose_values_are_parts_of_others_is_made_anew(migrates) -> None:
    """PostgreSQL cannot check those, nor change the type under any value."""
    domains = {"c": "int CHECK (value > 0)", "n": "int NOT NULL", "b": "bigint", "x": "text"}
    tables = "".join(f"CREATE TABLE t{each} (v {each}, vs {each}[]);" for each in domains)
    tables += "CREATE VIEW few AS SELECT v FROM tb;"
    await migrates(
        "".join(f"CREATE DOMAIN {each} AS int;" for each in domains) + tables,
        "".join(f"CREATE DOMAIN {each} AS {new};" for each, new in domains.items()) + tables,
        rows="".join(f"INSERT INTO t{each} VALUES (1, '{{2}}');" for each in domains),
        after={f"SELECT * FROM t{each}": "1|{2}" for each in domains},
    )


async def test_attributes_come_and_go_in_place(migrates) -> None:
    changes = {
        "added": ("a int, b text, c int", ["ADD ATTRIBUTE c integer"]),
        "last_dropped": ("a int", ["DROP ATTRIBUTE b"]),
        "first_dropped": ("b text", ["DROP ATTRIBUTE a"]),
        "replaced": ("a int, c text", ["DROP ATTRIBUTE b", "ADD ATTRIBUTE c text"]),
    }
    table = f"CREATE TABLE t ({', '.join(f'{name} {name}' for name in changes)})"
    forward = await migrates(
        "".join(f"CREATE TYPE {name} AS (a int, b text);" for name in changes) + table,
        "".join(f"CREATE TYPE {name} AS ({new});" for name, (new, _) in changes.items()) + table,
    )
    wanted = [f"ALTER TYPE public.{name} {each}" for name, (_, statements) in changes.items() for each in statements]
    assert sorted(forward) == sorted(wanted)


async def test_an_attribute_that_no_value_has_is_altered_in_place(migrates) -> None:
    forward = await migrates("CREATE TYPE v AS (a int);", 'CREATE TYPE v AS (a text COLLATE "C");')
    assert forward == ['ALTER TYPE public.v ALTER ATTRIBUTE a TYPE text COLLATE "C"']


async def test_values_of_a_composite_type_are_brought_over_by_name(migrates) -> None:
    """By their text they would land in the wrong attributes, or nowhere."""
    rest = "CREATE TYPE whole AS (part v, n int); CREATE TABLE t (v v, vs v[], w whole, ws whole[]);"
    await migrates(
        f"CREATE TYPE v AS (a int, b text, c int); {rest}",
        f"CREATE TYPE v AS (c int, a bigint, d text); {rest}",
        rows="INSERT INTO t VALUES (NULL, '{}', NULL, NULL),"
        " ((1, 'x', 3), ARRAY[(4, 'y', NULL)::v], ((5, '', 6), 7), ARRAY[((8, '', 9), 10)::whole])",
        after={
            "SELECT (v).a, (v).c, v IS NULL, (vs)[1].a, vs, (w).part.c, (w).n, ((ws)[1].part).a FROM t ORDER BY 1": (
                '1|3|f|4|{"(,4,)"}|6|7|8\n||t||{}|||'
            ),
            "SELECT count(*) FROM pg_proc WHERE proname LIKE 'confiture%'": "0",
        },
    )


async def test_tables_of_a_type_follow_it(migrates) -> None:
    forward = await migrates(
        "CREATE TYPE v AS (a int, b text); CREATE TABLE t OF v (PRIMARY KEY (a));",
        "CREATE TYPE v AS (a bigint, c text); CREATE TABLE t OF v (PRIMARY KEY (a));",
    )
    assert not [each for each in forward if "TABLE" in each]


async def test_tables_of_a_type_that_is_made_anew_belong_to_the_new_one(migrates) -> None:
    rest = "CREATE TABLE t OF v (m DEFAULT 'b'); CREATE TABLE holds (v v);"
    await migrates(
        f"CREATE TYPE m AS ENUM ('a', 'b'); CREATE TYPE v AS (m m, n int); {rest}",
        f"CREATE TYPE m AS ENUM ('b'); CREATE TYPE v AS (m m, n bigint, more text); {rest}",
        rows="INSERT INTO t VALUES ('b', 1); INSERT INTO holds VALUES ('(b,2)')",
        after={"SELECT * FROM t": "b|1|", "SELECT * FROM holds": "(b,2,)"},
    )


async def test_a_range_type_is_made_anew_with_all_that_it_brings(migrates) -> None:
    rest = "CREATE TABLE t (v v, m vm, vs v[]); CREATE INDEX ON t USING gist (v);"
    rest += "CREATE FUNCTION f(vm) RETURNS int LANGUAGE sql AS 'SELECT 1';"
    await migrates(
        f"CREATE TYPE v AS RANGE (subtype = int4, multirange_type_name = vm); {rest}",
        f"CREATE TYPE v AS RANGE (subtype = int8, multirange_type_name = vm); {rest}",
        rows="INSERT INTO t VALUES ('[1,2)', '{[3,4)}', '{\"[5,6)\"}')",
        after={
            "SELECT * FROM t": '[1,2)|{[3,4)}|{"[5,6)"}',
            "SELECT upper(v) + 5000000000, upper(v(1, 2)), f(vm()) FROM t": "5000000002|2|1",
            "SELECT count(*) FROM pg_proc WHERE proname LIKE 'confiture%'": "0",
        },
    )


async def test_a_collation_is_made_anew(migrates) -> None:
    rest = "CREATE TABLE t (c text COLLATE c); CREATE INDEX ON t (c); CREATE DOMAIN d AS text COLLATE c;"
    await migrates(
        f"CREATE COLLATION c (provider = builtin, locale = 'C.UTF-8'); {rest}",
        f"CREATE COLLATION c (provider = libc, locale = 'C'); {rest}",
        rows="INSERT INTO t VALUES ('x')",
        after={"SELECT * FROM t": "x"},
    )


SHELLS = """
    CREATE TYPE b;
    CREATE FUNCTION b_in(cstring) RETURNS b LANGUAGE internal IMMUTABLE STRICT AS 'textin';
    CREATE FUNCTION b_out(b) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
    CREATE FUNCTION b_recv(internal) RETURNS b LANGUAGE internal IMMUTABLE STRICT AS 'textrecv';
    CREATE TYPE b (input = b_in, output = b_out, like = text{more});
    COMMENT ON TYPE b IS 'a text';
    CREATE TYPE r;
    CREATE FUNCTION canon(r) RETURNS r LANGUAGE internal IMMUTABLE STRICT AS 'int4range_canonical';
    CREATE TYPE r AS RANGE (subtype = int4, canonical = canon);
    CREATE TABLE t (b b, bs b[], r r);
    CREATE TYPE alone;
"""


async def test_what_needs_its_own_functions_begins_as_a_shell(migrates) -> None:
    await migrates("", SHELLS.format(more=""))
    await migrates("CREATE TYPE b; CREATE TYPE alone;", SHELLS.format(more=""))


async def test_a_base_type_gets_another_function(migrates) -> None:
    forward = await migrates(SHELLS.format(more=""), SHELLS.format(more=", receive = b_recv"))
    assert forward == ["ALTER TYPE public.b SET (receive = public.b_recv)"]


async def test_extensions_move_and_keep_what_uses_them(migrates) -> None:
    table = "CREATE TABLE t (c app.citext);"
    forward = await migrates(
        "CREATE SCHEMA app; CREATE EXTENSION citext SCHEMA app; CREATE TABLE t (c app.citext);",
        "CREATE SCHEMA lib; CREATE EXTENSION citext SCHEMA lib; CREATE TABLE t (c lib.citext);",
    )
    assert "ALTER EXTENSION citext SET SCHEMA lib" in forward
    assert not re.search("(DROP|CREATE) EXTENSION", "\n".join(forward))
    await migrates("", "CREATE SCHEMA app; CREATE EXTENSION citext SCHEMA app;" + table)


async def test_public_is_only_made_where_it_was_dropped(migrates) -> None:
    assert await migrates("", "DROP SCHEMA public") == ["DROP SCHEMA public"]
    assert await migrates("", "CREATE SCHEMA app") == ["CREATE SCHEMA app"]


async def test_languages_and_access_methods(migrates) -> None:
    new = "CREATE LANGUAGE l HANDLER plpgsql_call_handler; CREATE ACCESS METHOD m TYPE INDEX HANDLER bthandler;"
    await migrates("", new)
    forward = await migrates(new, new.replace("CREATE LANGUAGE", "CREATE TRUSTED LANGUAGE"))
    assert forward == ["CREATE OR REPLACE TRUSTED LANGUAGE l HANDLER pg_catalog.plpgsql_call_handler"]
