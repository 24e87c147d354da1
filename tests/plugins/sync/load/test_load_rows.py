"""Rows that were there, rows that do not fit, and where sequences go on."""

from __future__ import annotations

import pytest

from confiture.errors import ExecutionError

pytestmark = pytest.mark.anyio

CYCLE = """
CREATE TABLE users (id integer PRIMARY KEY, company integer NOT NULL, email text UNIQUE,
    number integer GENERATED ALWAYS AS IDENTITY, note text DEFAULT 'none');
CREATE TABLE companies (id integer PRIMARY KEY, owner integer NOT NULL);
"""
KEYS = """
ALTER TABLE users ADD CONSTRAINT users_company FOREIGN KEY (company) REFERENCES companies ON DELETE CASCADE;
ALTER TABLE companies ADD CONSTRAINT companies_owner FOREIGN KEY (owner) REFERENCES users ON DELETE CASCADE;
"""


async def test_truncate_takes_out_the_rows_of_what_is_copied_and_no_others(both, source, target, psql, sync, same):
    both(
        CYCLE + KEYS.replace("users_company", "a") + "CREATE TABLE heir () INHERITS (users); CREATE TABLE other (x int)"
    )
    both("ALTER TABLE users ALTER company DROP NOT NULL; INSERT INTO companies SELECT 1, 1 WHERE false")
    psql(source, "INSERT INTO users VALUES (1, NULL, 'new')")
    psql(target, "INSERT INTO users VALUES (2, NULL, 'old'); INSERT INTO heir VALUES (3, NULL, 'heir', 1)")
    psql(target, "INSERT INTO other VALUES (1)")
    await sync.load(truncate=True, exclude=("heir", "other"))
    same("SELECT * FROM ONLY users")
    assert psql(target, "SELECT email FROM heir; SELECT * FROM other") == "heir\n1"


async def test_upsert_replaces_rows_of_the_same_key_and_leaves_others(both, source, target, psql, sync, state):
    both(CYCLE)
    rows = "INSERT INTO users OVERRIDING SYSTEM VALUE VALUES {}; INSERT INTO companies VALUES {}"
    psql(source, rows.format("(1, 1, 'b', 11, 'n'), (2, 2, 'a', 12, 'n'), (3, 1, 'c', 13, 'n')", "(1, 1), (2, 3)"))
    psql(target, rows.format("(1, 1, 'a', 1, 'mine'), (2, 1, 'b', 2, ''), (9, 9, 'z', 9, 'stays')", "(1, 2), (9, 9)"))
    both(KEYS)
    psql(
        target,
        """
        CREATE TABLE outside (id integer PRIMARY KEY, who integer REFERENCES users ON DELETE CASCADE);
        INSERT INTO outside VALUES (1, 1), (9, 9);
        CREATE TABLE heir () INHERITS (companies); INSERT INTO heir VALUES (1, 7);
        CREATE RULE r AS ON UPDATE TO users DO ALSO NOTHING;
        """,
    )
    before = state()
    await sync.load(upsert=True, tables=("users", "companies"))
    assert psql(target, "SELECT id, company, email, number, note FROM users ORDER BY id") == (
        "1|1|b|11|n\n2|2|a|12|n\n3|1|c|13|n\n9|9|z|9|stays"
    )
    assert psql(
        target, "SELECT * FROM ONLY companies ORDER BY id; SELECT * FROM heir; SELECT * FROM outside ORDER BY id"
    ) == ("1|1\n2|3\n9|9\n1|7\n1|1\n9|9")
    assert state() == before


async def test_keys_are_told_apart_as_their_index_does(both, source, target, psql, sync):
    """A type of an extension in a schema that no name finds."""
    both("CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; CREATE TABLE t (k ext.citext PRIMARY KEY, v integer)")
    psql(source, "INSERT INTO t VALUES ('ONE', 1)")
    psql(target, "INSERT INTO t VALUES ('one', 0)")
    await sync.load(upsert=True)
    assert psql(target, "SELECT * FROM t") == "ONE|1"


async def test_rows_without_a_parent_are_counted_and_not_shown(both, source, target, psql, sync, ctx, state):
    both(CYCLE)
    psql(
        source,
        "INSERT INTO companies VALUES (1, 1); INSERT INTO users SELECT i, i, 'm' || i FROM generate_series(1, 4) i",
    )
    psql(target, KEYS + "ALTER TABLE companies ADD UNIQUE (owner, id); CREATE INDEX i ON users (note)")
    before = state()
    with pytest.raises(ExecutionError) as caught:
        async with sync.loading(resumable=True) as loader:
            await loader.copy()
            await loader.finish()
    told = "the foreign key 'users_company' of 'public.users': 3 rows without a parent"
    assert str(caught.value) == f"not everything could be put back on 'local': {told}"
    # The rest is back, and the key holds for what comes.
    assert state() == before.replace("REFERENCES public.companies(id) ON DELETE CASCADE", "@", 1).replace(
        "@", "REFERENCES public.companies(id) ON DELETE CASCADE NOT VALID"
    ).replace(
        "users_company|FOREIGN KEY (company) REFERENCES companies(id) ON DELETE CASCADE|true",
        "users_company|FOREIGN KEY (company) REFERENCES companies(id) ON DELETE CASCADE NOT VALID|false",
    )
    with pytest.raises(ExecutionError, match="3 rows"):
        await sync.abandon()
    psql(target, "UPDATE users SET company = 1 WHERE id > 1")
    assert (await sync.abandon()).run_id == ctx.run_id
    assert state() == before


async def test_keys_that_match_in_full_count_what_they_refuse(both, source, target, psql, sync):
    both("CREATE TABLE p (a integer, b integer, PRIMARY KEY (a, b)); CREATE TABLE c (a integer, b integer)")
    psql(source, "INSERT INTO p VALUES (1, 1); INSERT INTO c VALUES (1, 1), (NULL, NULL), (1, NULL), (2, 2), (NULL, 3)")
    for match, count in (("SIMPLE", 1), ("FULL", 3)):
        psql(target, f"ALTER TABLE c ADD CONSTRAINT k FOREIGN KEY (a, b) REFERENCES p MATCH {match}")
        with pytest.raises(ExecutionError, match=f"'k' of 'public.c': {count} row"):
            await sync.load(truncate=True)
        psql(target, "ALTER TABLE c DROP CONSTRAINT k")


async def test_values_that_are_there_twice_are_not_shown(both, source, target, psql, sync):
    both("CREATE TABLE t (id integer PRIMARY KEY, email text)")
    psql(source, "INSERT INTO t VALUES (1, 'secret'), (2, 'secret')")
    psql(target, "ALTER TABLE t ADD CONSTRAINT only_once UNIQUE (email)")
    with pytest.raises(ExecutionError, match=r"unique constraint 'only_once' of 'public.t'") as caught:
        await sync.load(resumable=True)
    assert "secret" not in repr(caught.value.as_dict())


SEQUENCES = """
CREATE TABLE up (id bigint GENERATED ALWAYS AS IDENTITY, s serial, "Odd ""n" smallserial);
CREATE TABLE down (id integer GENERATED BY DEFAULT AS IDENTITY (INCREMENT -1 MAXVALUE -1 START -1));
CREATE TABLE tens (id integer GENERATED BY DEFAULT AS IDENTITY (START 5 INCREMENT 10));
CREATE TABLE small (id smallint GENERATED BY DEFAULT AS IDENTITY (MAXVALUE 100));
CREATE TABLE below (id integer GENERATED BY DEFAULT AS IDENTITY (MINVALUE 10 START 20));
CREATE TABLE none (id serial);
CREATE SEQUENCE shared; CREATE TABLE one (id integer DEFAULT nextval('shared'));
CREATE TABLE left_out (id integer DEFAULT nextval('shared'), mine serial);
CREATE TABLE words (id text DEFAULT 'x' || nextval('shared'));
CREATE TABLE parts (id serial) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF parts DEFAULT;
"""


async def test_sequences_go_on_where_the_rows_end(both, source, target, psql, sync):
    both(SEQUENCES)
    psql(
        source,
        """
        INSERT INTO up OVERRIDING SYSTEM VALUE VALUES (3, 4, 5), (10, 7, 2); INSERT INTO down VALUES (-4), (-9);
        INSERT INTO tens VALUES (17); INSERT INTO small VALUES (30000); INSERT INTO below VALUES (3);
        INSERT INTO one VALUES (6); INSERT INTO words VALUES ('a'); INSERT INTO parts VALUES (12);
        SELECT setval('up_id_seq', 5000), setval('none_id_seq', 5000);
        """,
    )
    psql(target, "INSERT INTO left_out VALUES (40, 3); SELECT setval('left_out_mine_seq', 77), setval('shared', 50)")
    await sync.load(exclude=("left_out",))
    following = {
        "up_id_seq": "11", "up_s_seq": "8", 'up_Odd "n_seq': "6", "down_id_seq": "-10", "tens_id_seq": "35",
        "below_id_seq": "20", "none_id_seq": "1", "shared": "51", "left_out_mine_seq": "78", "parts_id_seq": "13",
    }  # fmt: skip
    got = {name: psql(target, f"SELECT nextval('\"{name.replace(chr(34), chr(34) * 2)}\"')") for name in following}
    assert got == following
    assert psql(target, "SELECT last_value, is_called FROM small_id_seq") == "100|t"


async def test_the_planner_knows_the_rows(both, source, target, psql, sync):
    both("CREATE TABLE t (id integer) PARTITION BY RANGE (id); CREATE TABLE p PARTITION OF t DEFAULT")
    psql(source, "INSERT INTO t SELECT generate_series(1, 300)")
    await sync.load()
    assert psql(target, "SELECT relname, reltuples FROM pg_class WHERE relname IN ('t', 'p') ORDER BY 1") == (
        "p|300\nt|300"
    )
