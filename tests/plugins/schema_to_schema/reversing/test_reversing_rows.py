"""The way back: what the map gave, taken back, are the old rows. Judged by psql."""

from __future__ import annotations

import pytest

from confiture.errors import ConfigError
from confiture_schema_to_schema.reversing import lost_tables
from conftest import run_psql

pytestmark = pytest.mark.anyio

OLD = """
    CREATE TYPE mood AS ENUM ('sad', 'happy');
    CREATE TABLE users (id int PRIMARY KEY, login varchar(20) UNIQUE, feels mood, day date, born timestamptz,
        secret text DEFAULT 'none', gone timestamptz, price numeric(8,2), "Odd ""c" smallint);
    CREATE TABLE persons (id int PRIMARY KEY, name text NOT NULL, street text, zip text NOT NULL, memo text);
    CREATE TABLE cats (id int PRIMARY KEY, name text);
    CREATE TABLE dogs (id int PRIMARY KEY, name text);
    CREATE TABLE evens (id int PRIMARY KEY, v text);
    CREATE TABLE odds (id int PRIMARY KEY, v text);
    CREATE TABLE names (id int PRIMARY KEY, first text, last text);
    CREATE TABLE events (id int PRIMARY KEY, kind text NOT NULL, what text);
    CREATE TABLE rents (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, total int, twice int GENERATED ALWAYS AS
        (total * 2) STORED);
    INSERT INTO users SELECT n, 'u' || n, CASE n % 3 WHEN 0 THEN 'sad' WHEN 1 THEN 'happy' END::mood, date '2020-01-01'
        + n, timestamptz '2020-01-01 00:00+02' + n * interval '1 hour', 's' || n,
        CASE WHEN n % 5 = 0 THEN now() END, n / 7.0, n FROM generate_series(1, 40) AS n;
    INSERT INTO persons SELECT n, 'p' || n, nullif('s' || n, 's3'), n, 'm' || n FROM generate_series(1, 9) AS n;
    INSERT INTO cats SELECT n, 'cat ' || n FROM generate_series(1, 9) AS n;
    INSERT INTO dogs SELECT n, 'dog ' || n FROM generate_series(5, 12) AS n;
    INSERT INTO evens SELECT n, 'even ' || n FROM generate_series(1, 9) AS n;
    INSERT INTO odds SELECT n, 'odd ' || n FROM generate_series(1, 9) AS n;
    INSERT INTO names SELECT n, 'f' || n, 'l' || n FROM generate_series(1, 9) AS n;
    INSERT INTO events SELECT n, CASE n % 2 WHEN 0 THEN 'in' ELSE 'out' END, 'w' || n FROM generate_series(1, 9) AS n;
    INSERT INTO rents (total) SELECT n FROM generate_series(1, 9) AS n;
"""
NEW = """
    CREATE TABLE accounts (id bigint PRIMARY KEY, mail text UNIQUE, feels text, day timestamp, born timestamp,
        price numeric, cents int, "Odd ""c" text, tier text DEFAULT 'free', login_low text);
    CREATE TABLE people (id bigint PRIMARY KEY, name text NOT NULL, size int);
    CREATE TABLE addresses (person int PRIMARY KEY, street text, zip text NOT NULL);
    CREATE TABLE pets (kind text, id int, name text, PRIMARY KEY (kind, id));
    CREATE TABLE mixed (id bigint PRIMARY KEY, v text);
    CREATE TABLE full_names (id int PRIMARY KEY, name text);
    CREATE TABLE ins (id int PRIMARY KEY, what text);
    CREATE TABLE outs (what text, id bigint PRIMARY KEY);
    CREATE TABLE rents (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, total numeric(12, 3), twice int);
"""
MAP = r"""
tables:
  users:
    target: accounts
    columns:
      login: mail
      born: {target: born, transform: "born AT TIME ZONE 'UTC'"}
      price: {target: price, transform: price}
    defaults: {tier: "'old'", login_low: lower(login)}
    drop: [secret, gone]
    filter: gone IS NULL
  persons:
    into:
      - target: people
        drop: [street, zip, memo]
        defaults: {size: length(zip)}
      - target: addresses
        columns: {id: person}
        drop: [name, memo]
  cats: {target: pets, defaults: {kind: "'cat'"}}
  dogs: {target: pets, defaults: {kind: "'dog'"}}
  evens: {target: mixed, columns: {id: {target: id, transform: "id::bigint * 2"}}}
  odds: {target: mixed, columns: {id: {target: id, transform: "id * 2 + 1"}}}
  names:
    target: full_names
    columns:
      first: {target: name, transform: "first || ' ' || last", reverse: "split_part(name, ' ', 1)"}
      last: {reverse: "split_part(full_names.name, ' ', 2)"}
  events:
    into:
      - {target: ins, filter: "kind = 'in'", drop: [kind]}
      - {target: outs, filter: "'out' = kind AND id > 0", drop: [kind]}
"""


async def test_what_the_map_gave_leads_back(way):
    """Each kind of column and each shape of a table; rows that a filter left out are no part of it."""
    compiled = await way.compile(OLD, NEW, MAP)
    assert (compiled.findings, compiled.sentences) == ([], ())
    assert not any(part.irreversible for table in compiled.job.tables for part in table.parts)
    way.move(compiled.job)
    assert way.differing(compiled.back) == {}
    assert [table.label.removeprefix("public.") for table in compiled.back.tables] == [
        "cats", "dogs", "evens", "events", "names", "odds", "persons", "rents", "users"
    ]  # fmt: skip
    run_psql(way.new, "UPDATE addresses SET street = 'x' WHERE person = 2; UPDATE mixed SET v = 'y' WHERE id = 4")
    assert way.differing(compiled.back) == {"public.evens": 2, "public.persons": 2}


async def test_the_old_database_follows_the_new_one(way):
    """What the new one does not know stays, rows that it never had too, also where all rows are read anew."""
    way.move((await way.compile(OLD, NEW, MAP)).job)
    left = "SELECT id, login, secret FROM users WHERE gone IS NOT NULL ORDER BY id"
    before = run_psql(way.old, left)
    async with way.following_back() as batch:
        run_psql(
            way.new,
            """
            UPDATE accounts SET mail = 't' WHERE id = 1; UPDATE accounts SET mail = 'u1', feels = 'sad' WHERE id = 2;
            UPDATE accounts SET mail = 'u2' WHERE id = 1; DELETE FROM accounts WHERE id = 3;
            INSERT INTO accounts (id, mail, "Odd ""c") VALUES (500, 'new', '7'), (5, 'again', NULL);
            UPDATE addresses SET street = 'moved' WHERE person = 4; UPDATE people SET name = 'N' WHERE id = 4;
            DELETE FROM pets WHERE (kind, id) = ('dog', 6); INSERT INTO pets VALUES ('cat', 20, 'tom');
            UPDATE pets SET kind = 'dog' WHERE (kind, id) = ('cat', 2); UPDATE pets SET name = 'x' WHERE id = 7;
            DELETE FROM mixed WHERE id IN (5, 6); INSERT INTO mixed VALUES (2000, 'e'), (2001, 'o');
            UPDATE full_names SET name = 'a b' WHERE id = 1; INSERT INTO ins VALUES (100, 'i');
            UPDATE outs SET id = 200 WHERE id = 3; INSERT INTO people VALUES (77, 'no address yet', 1);
            """,
        )
        await batch()
        assert run_psql(
            way.old, 'SELECT id, login, feels, secret, "Odd ""c" FROM users WHERE id IN (1, 2, 3, 5, 500) ORDER BY 1'
        ) == ("1|u2|happy|s1|1\n2|u1|sad|s2|2\n5|again||s5|\n500|new||none|7")
        # A key that the new database gave anew is that of a row which is there again.
        assert run_psql(way.old, "SELECT gone IS NULL FROM users WHERE id = 5") == "t"
        assert run_psql(way.old, "SELECT * FROM persons WHERE id IN (4, 77)") == "4|N|moved|4|m4"
        assert run_psql(way.old, "SELECT string_agg(id || name, ',' ORDER BY id) FROM cats") == (
            "1cat 1,3cat 3,4cat 4,5cat 5,6cat 6,7x,8cat 8,9cat 9,20tom"
        )
        assert run_psql(way.old, "SELECT string_agg(id || name, ',' ORDER BY id) FROM dogs") == (
            "2cat 2,5dog 5,7x,8dog 8,9dog 9,10dog 10,11dog 11,12dog 12"
        )
        assert run_psql(way.old, "SELECT array_agg(id ORDER BY id) FROM evens") == "{1,2,4,5,6,7,8,9,1000}"
        assert run_psql(way.old, "SELECT array_agg(id ORDER BY id) FROM odds") == "{1,3,4,5,6,7,8,9,1000}"
        assert run_psql(way.old, "SELECT * FROM names WHERE id = 1") == "1|a|b"
        assert run_psql(way.old, "SELECT * FROM events WHERE id IN (3, 100, 200) ORDER BY id") == (
            "100|in|i\n200|out|w3"
        )
        run_psql(way.new, "INSERT INTO addresses VALUES (77, NULL, 'z'); TRUNCATE accounts, ins;"
                 "INSERT INTO accounts (id, mail) VALUES (1, 'u2'), (9, 'nine'), (10, 'ten')")  # fmt: skip
        await batch()
        assert run_psql(way.old, "SELECT * FROM persons WHERE id = 77") == "77|no address yet||z|"
        assert run_psql(way.old, "SELECT id, secret FROM users WHERE gone IS NULL ORDER BY id") == "1|s1\n9|s9\n10|s10"
        assert run_psql(way.old, left) == "\n".join(
            row for row in before.split("\n") if not row.startswith(("5|", "10|"))
        )
        assert run_psql(way.old, "SELECT DISTINCT kind FROM events") == "out"


@pytest.mark.parametrize(
    ("old", "new", "map_", "why"),
    [
        ("id int PRIMARY KEY, a text, b text", "id int PRIMARY KEY, y text",
         "{target: n, columns: {a: {target: y, transform: a || b}}}",
         "column y: it is computed, and the old value cannot be told from it"),
        ("id int PRIMARY KEY, b numeric", "id int PRIMARY KEY, b int", "{target: n}",
         "column b: it is cast from numeric, and the old value cannot be told from it"),
        ("id int PRIMARY KEY, b numeric(9,3)", "id int PRIMARY KEY, b numeric(9,2)", "{target: n}",
         "column b: it is cast from numeric, and the old value cannot be told from it"),
        ("id int PRIMARY KEY, b int NOT NULL", "id int PRIMARY KEY", "{target: n, drop: [b]}",
         "dropped column b: it is NOT NULL without a default, so that a new row has no place"),
        ("id int PRIMARY KEY, v text", "id bigserial PRIMARY KEY, v text", "{target: n, drop: [id]}",
         "no key of public.n leads to a key of public.o"),
        ("id int PRIMARY KEY, v int", "id int, v int, PRIMARY KEY (id, v)", "{target: n}",
         "no key of public.n leads to a key of public.o"),
        ("id int PRIMARY KEY", "id int PRIMARY KEY",
         "{target: n, columns: {id: {target: id, transform: id * 3}}}",
         "it is multiplied, and other values would have no way back"),
        ("id int PRIMARY KEY, at int", "id int PRIMARY KEY, at int",
         "{target: n, filter: 'id IN (SELECT max(id) FROM o)'}",
         "filter: it reads more than the row, so that nobody can tell which rows were left out"),
        ("id int PRIMARY KEY, at int", "id int PRIMARY KEY, x int",
         "{target: n, drop: [at], defaults: {x: l.id}, lookups: {l: {table: o, on: l.id = o.at, join: inner}}}",
         "rows that the join with public.o leaves out are left behind"),
        ("id int PRIMARY KEY, at int", "id int PRIMARY KEY, x int",
         "{target: n, drop: [at], defaults: {x: l.id}, lookups: {l: {table: o, on: l.id = o.at}}}",
         "column x: it is computed, and the old value cannot be told from it"),
        ("id int PRIMARY KEY, v int", "id int PRIMARY KEY, c bigint",
         "{custom_sql: 'INSERT INTO n (id, c) SELECT id, count(*) FROM o GROUP BY id'}",
         "the query as a whole: it has GROUP BY"),
    ],
)  # fmt: skip
async def test_what_has_no_way_back_is_said(way, old, new, map_, why):
    """Once in the plan, and as a sentence of the rollback that names the table; there are no parts for it then."""
    compiled = await way.compile(f"CREATE TABLE o ({old})", f"CREATE TABLE n ({new})", f"tables:\n  o: {map_}\n")
    assert compiled.findings == []
    assert compiled.job.tables[0].parts[0].irreversible == (why,)
    assert compiled.sentences == (f"rollback loses writes since cutover in public.n: {why}",)
    assert compiled.back.tables == ()


async def test_a_row_comes_back_as_a_whole(way):
    """Where a part of it has no way back, the others have none; rows of other tables do."""
    compiled = await way.compile(
        "CREATE TABLE o (id int PRIMARY KEY, a text, b int); CREATE TABLE p (id int PRIMARY KEY)",
        "CREATE TABLE m (id int PRIMARY KEY, a text); CREATE TABLE n (id int PRIMARY KEY, c int);"
        "CREATE TABLE p (id int PRIMARY KEY)",
        "tables:\n  o:\n    into:\n      - {target: m, drop: [b]}\n"
        "      - {target: n, drop: [a], columns: {b: {target: c, transform: b / 2}}}\n",
    )
    assert [part.irreversible for table in compiled.job.tables for part in table.parts] == [
        ("its rows and those of public.n are the same rows of public.o, and those have no way back",),
        ("column c: it is computed, and the old value cannot be told from it",),
        (),
    ]
    assert [sentence.split(":")[0].rsplit(" ", 1)[1] for sentence in compiled.sentences] == ["public.m", "public.n"]
    assert (lost_tables(compiled.job, compiled.back), compiled.back.left_behind) == (
        ("public.m", "public.n"),
        ("public.o",),
    )
    assert [table.label for table in compiled.back.tables] == ["public.p"]


async def test_reverse_is_looked_at_beforehand(way):
    """By the new database's server, where it will run."""
    map_ = 'tables:\n  o:\n    target: n\n    columns: {a: {target: y, transform: "a || 1", reverse: "nope(y)"}}\n'
    compiled = await way.compile(
        "CREATE TABLE o (id int PRIMARY KEY, a text)", "CREATE TABLE n (id int PRIMARY KEY, y text)", map_
    )
    assert [each.partition("reverse")[0] + each.partition("): ")[2] for each in compiled.findings] == [
        "db/migration_map.yaml:2: tables.o: the way back ('function nope(text) does not exist"
    ]
    with pytest.raises(ConfigError, match="it reads other tables"):
        await way.compile("", "", map_.replace("nope(y)", "(SELECT 1)"))


async def test_what_is_made_of_a_view_has_no_way_back(way):
    """There is nothing to be written to."""
    compiled = await way.compile(
        "CREATE TABLE o (id int PRIMARY KEY); CREATE VIEW v AS TABLE o",
        "CREATE TABLE n (id int PRIMARY KEY)",
        "tables:\n  o: {target: n, custom_sql: INSERT INTO n (id) SELECT id FROM v}\n",
    )
    assert len(compiled.sentences) == 1
    assert compiled.back.tables == ()
