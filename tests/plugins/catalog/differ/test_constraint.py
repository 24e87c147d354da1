"""Constraints: what can be altered is; tables in use are not locked while their rows are read."""

from __future__ import annotations

import pytest

from confiture.errors import Refused

pytestmark = pytest.mark.anyio

PAIR = "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int, p int);"


async def test_what_is_added_to_a_table_in_use_is_validated_afterwards(migrates):
    """NOT VALID holds the lock for an instant; VALIDATE reads the rows under one that lets others write."""
    new = """CREATE TABLE p (id int PRIMARY KEY);
        CREATE TABLE c (id int NOT NULL, p int REFERENCES p ON DELETE CASCADE DEFERRABLE, CHECK (id > 0));"""
    assert await migrates(PAIR, new, rows="INSERT INTO c VALUES (1, NULL)") == [
        "ALTER TABLE public.c ADD CONSTRAINT c_id_check CHECK ((id > 0)) NOT VALID",
        "ALTER TABLE public.c VALIDATE CONSTRAINT c_id_check",
        "ALTER TABLE public.c ADD CONSTRAINT c_id_not_null NOT NULL id NOT VALID",
        "ALTER TABLE public.c VALIDATE CONSTRAINT c_id_not_null",
        "ALTER TABLE public.c ADD CONSTRAINT c_p_fkey FOREIGN KEY (p) REFERENCES public.p(id) ON DELETE CASCADE"
        " DEFERRABLE NOT VALID",
        "ALTER TABLE public.c VALIDATE CONSTRAINT c_p_fkey",
    ]


async def test_offline_says_it_in_one_statement(migrates):
    new = "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int NOT NULL, p int UNIQUE REFERENCES p);"
    assert await migrates(PAIR, new, online=False) == [
        "ALTER TABLE public.c ADD CONSTRAINT c_id_not_null NOT NULL id",
        "ALTER TABLE public.c ADD CONSTRAINT c_p_key UNIQUE (p)",
        "ALTER TABLE public.c ADD CONSTRAINT c_p_fkey FOREIGN KEY (p) REFERENCES public.p(id)",
    ]


async def test_a_key_takes_over_an_index_that_was_built_while_the_table_was_in_use(migrates):
    old = "CREATE TABLE t (id int, a int, b int);"
    new = """CREATE TABLE t (id int, a int, b int, CONSTRAINT keyed PRIMARY KEY (id) INCLUDE (b) WITH (fillfactor = 70),
        CONSTRAINT "Both" UNIQUE NULLS NOT DISTINCT (a, b) DEFERRABLE INITIALLY DEFERRED);
        COMMENT ON CONSTRAINT keyed ON t IS 'c'; COMMENT ON INDEX keyed IS 'i'; ALTER TABLE t CLUSTER ON "Both";"""
    statements = await migrates(old, new)
    assert statements[:2] == [
        'CREATE UNIQUE INDEX CONCURRENTLY "Both" ON public.t USING btree (a, b) NULLS NOT DISTINCT',
        'ALTER TABLE public.t ADD CONSTRAINT "Both" UNIQUE USING INDEX "Both" DEFERRABLE INITIALLY DEFERRED',
    ]
    # A primary key makes its columns NOT NULL: with that done before, it reads nothing.
    assert [each for each in statements if "id_not_null" in each or "PRIMARY KEY" in each] == [
        "ALTER TABLE public.t ADD CONSTRAINT t_id_not_null NOT NULL id NOT VALID",
        "ALTER TABLE public.t VALIDATE CONSTRAINT t_id_not_null",
        "ALTER TABLE public.t ADD CONSTRAINT keyed PRIMARY KEY USING INDEX keyed",
    ]


async def test_what_alter_constraint_changes_is_not_dropped(migrates):
    table = "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (a int, b int, d int, e int);"
    add = "ALTER TABLE c ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES p {};"
    old = [("fa", "a", ""), ("fb", "b", "DEFERRABLE INITIALLY DEFERRED"), ("fd", "d", "NOT VALID"), ("fe", "e", "")]
    new = [("fa", "a", "DEFERRABLE"), ("fb", "b", "DEFERRABLE"), ("fd", "d", ""), ("fe", "e", "NOT ENFORCED")]
    old_sql = table + "".join(add.format(*each) for each in old)
    new_sql = table + "".join(add.format(*each) for each in new)
    old_sql += "ALTER TABLE c ADD CONSTRAINT ck CHECK (a > 0) NOT VALID, ADD CONSTRAINT nn NOT NULL a NO INHERIT;"
    new_sql += "ALTER TABLE c ADD CONSTRAINT ck CHECK (a > 0), ADD CONSTRAINT nn NOT NULL a;"
    assert sorted(await migrates(old_sql, new_sql)) == [
        "ALTER TABLE public.c ALTER CONSTRAINT fa DEFERRABLE",
        "ALTER TABLE public.c ALTER CONSTRAINT fb DEFERRABLE",
        "ALTER TABLE public.c ALTER CONSTRAINT fe NOT ENFORCED",
        "ALTER TABLE public.c ALTER CONSTRAINT nn INHERIT",
        "ALTER TABLE public.c VALIDATE CONSTRAINT ck",
        "ALTER TABLE public.c VALIDATE CONSTRAINT fd",
    ]


async def test_foreign_keys_make_way_for_the_key_that_they_need(migrates):
    """Also one of the table to itself, and one that needs a mere unique index."""
    old = """CREATE TABLE p (id int, code text, up int, CONSTRAINT keyed PRIMARY KEY (id));
        CREATE UNIQUE INDEX by_code ON p (code);
        ALTER TABLE p ADD CONSTRAINT self FOREIGN KEY (up) REFERENCES p;
        CREATE TABLE c (p int REFERENCES p, code text REFERENCES p (code));
        COMMENT ON CONSTRAINT c_p_fkey ON c IS 'kept';"""
    new = old.replace("PRIMARY KEY (id)", "PRIMARY KEY (id) INCLUDE (code)").replace(
        "by_code ON p (code)", "by_code ON p (code) INCLUDE (up)"
    )
    statements = await migrates(old, new, rows="INSERT INTO p VALUES (1, 'a', 1); INSERT INTO c VALUES (1, 'a')")
    assert sum("DROP CONSTRAINT" in each for each in statements) == 4
    assert "COMMENT ON CONSTRAINT c_p_fkey ON public.c IS 'kept'" in statements


async def test_tables_that_refer_to_each_other_come_and_go(migrates):
    one = "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);"
    other = "ALTER TABLE a ADD b int REFERENCES b;"
    await migrates("", one + other)


async def test_every_other_form_of_constraint(migrates):
    """Exclusion, WITHOUT OVERLAPS and PERIOD, NOT ENFORCED, NO INHERIT, tablespace and options of the index."""
    old = "CREATE TABLE t (id int, r int4range, p box, v int); CREATE TABLE u (id int, r int4range);"
    new = """CREATE TABLE t (id int4range, r int4range, p box, v int,
            CONSTRAINT apart EXCLUDE USING gist (p WITH &&) WITH (fillfactor = 60) WHERE (v > 0) DEFERRABLE,
            CONSTRAINT said CHECK (v < 9) NOT ENFORCED, CONSTRAINT here CHECK (v > 1) NO INHERIT,
            CONSTRAINT over PRIMARY KEY (id, r WITHOUT OVERLAPS));
        CREATE TABLE u (id int4range, r int4range, FOREIGN KEY (id, PERIOD r) REFERENCES t (id, PERIOD r));
        COMMENT ON INDEX apart IS 'i';"""
    await migrates(old.replace("id int,", "id int4range,"), new)


async def test_a_column_becomes_an_identity_and_stops_being_one(migrates):
    """NOT NULL must be there before, and cannot go before the identity has gone."""
    old = "CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY, b int);"
    new = "CREATE TABLE t (a int, b int GENERATED ALWAYS AS IDENTITY);"
    await migrates(old, new, rows="INSERT INTO t (b) VALUES (1)")


async def test_a_not_null_of_another_name_is_renamed(migrates):
    """It is never without, and the primary key, which needs it, stays."""
    old = "CREATE TABLE t (a int CONSTRAINT one NOT NULL PRIMARY KEY); COMMENT ON CONSTRAINT one ON t IS 'x';"
    new = "CREATE TABLE t (a int CONSTRAINT two NOT NULL PRIMARY KEY);"
    assert await migrates(old, new) == [
        "ALTER TABLE public.t RENAME CONSTRAINT one TO two",
        "COMMENT ON CONSTRAINT two ON public.t IS NULL",
    ]


async def test_constraints_of_children_are_their_parents(migrates):
    """Dropped, changed and added at the parent; a child's own stays its own; partitions come and go with theirs."""
    old = """CREATE TABLE base (a int NOT NULL, b int, CONSTRAINT ck CHECK (a > 1), CONSTRAINT gone CHECK (b > 1));
        CREATE TABLE kid (c int) INHERITS (base);
        CREATE TABLE own (a int, b int, CONSTRAINT ck CHECK (a > 1)) INHERITS (base);
        CREATE TABLE free (a int NOT NULL, b int, CONSTRAINT ck CHECK (a > 1));
        CREATE TABLE whole (id int NOT NULL, k int CONSTRAINT kk CHECK (k > 0), PRIMARY KEY (id))
            PARTITION BY RANGE (id);
        CREATE TABLE p1 PARTITION OF whole FOR VALUES FROM (1) TO (10);
        CREATE TABLE p2 PARTITION OF whole FOR VALUES FROM (10) TO (20);
        CREATE TABLE lone (id int, k int);"""
    new = """CREATE TABLE base (a int, b int, CONSTRAINT ck CHECK (a > 2), CONSTRAINT come CHECK (b > 1));
        CREATE TABLE kid (c int) INHERITS (base);
        CREATE TABLE own (a int, b int, CONSTRAINT ck CHECK (a > 2)) INHERITS (base);
        CREATE TABLE free (a int, b int, CONSTRAINT ck CHECK (a > 2), CONSTRAINT come CHECK (b > 1)) INHERITS (base);
        CREATE TABLE whole (id int NOT NULL, k int CONSTRAINT kk CHECK (k > 1), PRIMARY KEY (id))
            PARTITION BY RANGE (id);
        CREATE TABLE p1 PARTITION OF whole FOR VALUES FROM (1) TO (10);
        CREATE TABLE p2 (id int NOT NULL, k int CONSTRAINT kk CHECK (k > 1), PRIMARY KEY (id));
        CREATE TABLE lone (id int NOT NULL, k int CONSTRAINT kk CHECK (k > 1), PRIMARY KEY (id));
        ALTER TABLE whole ATTACH PARTITION lone FOR VALUES FROM (20) TO (30);"""
    await migrates(old, new, rows="INSERT INTO whole VALUES (2, 2), (12, 2); INSERT INTO lone VALUES (21, 2)")


async def test_what_needs_a_key_goes_on_with_another(migrates):
    """A view that groups by a primary key, a foreign key: neither says by which name it was made."""
    old = """CREATE TABLE u (id int, name text, CONSTRAINT one PRIMARY KEY (id));
        CREATE VIEW v AS SELECT id, name, count(*) AS n FROM u GROUP BY id; COMMENT ON VIEW v IS 'v';
        CREATE TABLE c (id int REFERENCES u);"""
    await migrates(old, old.replace("one", "other"), rows="INSERT INTO u VALUES (1); INSERT INTO c VALUES (1)")


async def test_parts_of_partitions_keep_what_is_theirs(migrates):
    """Comments and names, when the parent's is made anew; an index that was there before is attached."""
    tables = """CREATE TABLE w (id int, k int, PRIMARY KEY (id) {0}) PARTITION BY RANGE (id);
        CREATE INDEX wk ON w (k) {0};
        CREATE TABLE w1 PARTITION OF w FOR VALUES FROM (1) TO (10); CREATE INDEX alone ON w1 (id, k);
        COMMENT ON CONSTRAINT w1_pkey ON w1 IS 'c'; COMMENT ON INDEX w1_k_idx IS 'i';
        CREATE TABLE base (a int, CONSTRAINT ck CHECK (a > 1)); CREATE TABLE kid () INHERITS (base);
        COMMENT ON CONSTRAINT ck ON kid IS 'k';"""
    old = tables.format("") + "CREATE INDEX wid ON w (k, id);"
    new = tables.format("").replace("ON w (k)", "ON w (k DESC)").replace("(id) )", "(id) DEFERRABLE)")
    new = new.replace("(a > 1)", "(a > 2)") + "CREATE INDEX wik ON w (id, k); CREATE INDEX w1_k_id_idx ON w1 (k, id);"
    new += """CREATE TABLE w2 (id int, k int, CONSTRAINT "Named so" PRIMARY KEY (id) DEFERRABLE);
        CREATE INDEX "As well" ON w2 (id, k); ALTER TABLE w ATTACH PARTITION w2 FOR VALUES FROM (10) TO (20);"""
    await migrates(old, new)
    await migrates("", tables.format("WITH (fillfactor = 70)"), online=False)


async def test_the_options_of_a_partitioned_tables_key_are_refused_by_name(migrates):
    table = "CREATE TABLE w (id int PRIMARY KEY {}) PARTITION BY RANGE (id);"
    with pytest.raises(Refused, match=r"index 'public.w_pkey' cannot be changed"):
        await migrates(table.format(""), table.format("WITH (fillfactor = 70)"))
