"""Indexes: built while the table is in use, and there all the time."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.anyio

TABLE = "CREATE TABLE t (id int NOT NULL, a text, b int);"


async def test_an_index_is_made_and_dropped_while_the_table_is_in_use(migrates):
    old = TABLE + "CREATE INDEX gone ON t (a);"
    new = TABLE + 'CREATE UNIQUE INDEX "Come" ON t (lower(a) DESC NULLS LAST) INCLUDE (b) WHERE b > 1;'
    assert await migrates(old, new) == [
        "DROP INDEX CONCURRENTLY public.gone",
        'CREATE UNIQUE INDEX CONCURRENTLY "Come" ON public.t USING btree (lower(a) DESC NULLS LAST) INCLUDE (b)'
        " WHERE (b > 1)",
    ]


async def test_offline_and_for_a_table_that_is_new_the_form_is_short(migrates):
    index = "CREATE INDEX i ON t (a);"
    assert await migrates(TABLE, TABLE + index, online=False) == ["CREATE INDEX i ON public.t USING btree (a)"]
    assert (await migrates("", TABLE + index))[-1] == "CREATE INDEX i ON public.t USING btree (a)"


async def test_a_changed_index_is_there_all_the_time(migrates):
    """Its comment and what is set of it come along."""
    old = TABLE + "CREATE INDEX i ON t (a); COMMENT ON INDEX i IS 'kept';"
    new = (
        TABLE
        + """CREATE INDEX i ON t ((a || 'x'), b) WITH (fillfactor = 70) WHERE b > 1; COMMENT ON INDEX i IS 'kept';
        ALTER INDEX i ALTER COLUMN 1 SET STATISTICS 300; ALTER TABLE t CLUSTER ON i;"""
    )
    new = new.replace("ALTER TABLE t CLUSTER ON i;", "")
    assert await migrates(old, new) == [
        "CREATE INDEX CONCURRENTLY \"confiture_new_i\" ON public.t USING btree (((a || 'x'::text)), b)"
        " WITH (fillfactor='70') WHERE (b > 1)",
        "DROP INDEX CONCURRENTLY public.i",
        'ALTER INDEX public."confiture_new_i" RENAME TO i',
        "COMMENT ON INDEX public.i IS 'kept'",
        "ALTER INDEX public.i ALTER COLUMN 1 SET STATISTICS 300",
    ]


async def test_what_can_be_set_is_set(migrates):
    indexes = """CREATE UNIQUE INDEX i ON t (id) {}; CREATE INDEX j ON t (lower(a), (b + 1)) {};
        CREATE INDEX k ON t (b);
        CREATE INDEX g ON t USING gin (to_tsvector('simple', a)) {};"""
    old = TABLE + indexes.format("WITH (fillfactor = 80)", "WITH (deduplicate_items = off)", "WITH (fastupdate = off)")
    new = TABLE + indexes.format("WITH (fillfactor = 90)", "", "WITH (fastupdate = off, gin_pending_list_limit = 100)")
    old += (
        "ALTER INDEX j ALTER COLUMN 1 SET STATISTICS 100; ALTER TABLE t CLUSTER ON k, REPLICA IDENTITY USING INDEX i;"
    )
    new += "ALTER INDEX j ALTER COLUMN 2 SET STATISTICS 200; ALTER TABLE t CLUSTER ON i;"
    assert sorted(await migrates(old, new)) == [
        "ALTER INDEX public.g SET (gin_pending_list_limit='100')",
        "ALTER INDEX public.i SET (fillfactor='90')",
        "ALTER INDEX public.j ALTER COLUMN 1 SET STATISTICS -1",
        "ALTER INDEX public.j ALTER COLUMN 2 SET STATISTICS 200",
        "ALTER INDEX public.j RESET (deduplicate_items)",
        "ALTER TABLE public.t CLUSTER ON i",
        "ALTER TABLE public.t REPLICA IDENTITY DEFAULT",
    ]


async def test_the_index_of_a_constraint_has_settings_of_its_own(migrates):
    table = "CREATE TABLE t (id int, a int, CONSTRAINT keyed PRIMARY KEY (id) {}, CONSTRAINT one UNIQUE (a) {});"
    old = table.format("WITH (fillfactor = 70)", "") + "COMMENT ON INDEX one IS 'x'; ALTER TABLE t CLUSTER ON one;"
    new = table.format("", "WITH (fillfactor = 80)") + "COMMENT ON INDEX keyed IS 'y';"
    assert not [each for each in await migrates(old, new) if "CONSTRAINT" in each]


async def test_a_replica_identity_that_goes_leaves_the_default(migrates, psql):
    """pg_dump does not show it: a table whose index is gone publishes no updates at all."""
    old = TABLE + "CREATE UNIQUE INDEX i ON t (id); ALTER TABLE t REPLICA IDENTITY USING INDEX i;"
    relreplident = {"SELECT relreplident FROM pg_class WHERE relname = 't'": "d"}
    await migrates(old, TABLE, after=relreplident)
    await migrates(
        old.replace("id int NOT NULL", "id int PRIMARY KEY"), TABLE.replace(" NOT NULL", ""), after=relreplident
    )


async def test_an_index_and_a_constraint_change_places(migrates):
    """Both have the index's name."""
    plain = TABLE + "CREATE UNIQUE INDEX one ON t (id); COMMENT ON INDEX one IS 'x';"
    bound = TABLE.replace("b int", "b int, CONSTRAINT one UNIQUE (id)")
    await migrates(plain, bound)


async def test_partitions_are_indexed_one_by_one(migrates):
    """CREATE INDEX on the whole would lock it all; CONCURRENTLY it knows not."""
    tables = """CREATE TABLE w (id int, k int) PARTITION BY RANGE (id);
        CREATE TABLE w1 PARTITION OF w FOR VALUES FROM (1) TO (10);
        CREATE TABLE w2 PARTITION OF w FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (k);
        CREATE TABLE w21 PARTITION OF w2 FOR VALUES FROM (1) TO (10);
        {} CREATE INDEX {} ON w (k);"""
    old = tables.format("CREATE INDEX own ON w1 (k);", "gone") + "CREATE INDEX changed ON w (id);"
    new = tables.format("CREATE INDEX own ON w1 (k, id);", "come") + "CREATE INDEX changed ON w (id, k);"
    statements = await migrates(old, new)
    assert "CREATE INDEX CONCURRENTLY w21_id_k_idx ON public.w21 USING btree (id, k)" in statements
    assert not [
        each
        for each in statements
        if each.startswith("CREATE INDEX ")
        and "ON public." in each
        and "ONLY" not in each
        and "CONCURRENTLY" not in each
    ]


async def test_partitions_come_and_leave_with_their_indexes(migrates):
    old = """CREATE TABLE w (id int, k int) PARTITION BY RANGE (id); CREATE INDEX wk ON w (k);
        CREATE TABLE w1 PARTITION OF w FOR VALUES FROM (1) TO (10);
        CREATE TABLE w2 PARTITION OF w FOR VALUES FROM (10) TO (20);
        CREATE TABLE w3 (id int, k int); CREATE INDEX mine ON w3 (k); CREATE TABLE w4 (id int, k int);"""
    new = """CREATE TABLE w (id int, k int) PARTITION BY RANGE (id); CREATE INDEX wk ON w (k);
        CREATE TABLE w1 (id int, k int); CREATE TABLE w2 (id int, k int); CREATE INDEX w2_k_idx ON w2 (k);
        CREATE TABLE w3 (id int, k int); CREATE INDEX mine ON w3 (k); CREATE TABLE w4 (id int, k int);
        CREATE INDEX named ON w4 (k);
        ALTER TABLE w ATTACH PARTITION w3 FOR VALUES FROM (20) TO (30);
        ALTER TABLE w ATTACH PARTITION w4 FOR VALUES FROM (30) TO (40);
        CREATE TABLE w5 PARTITION OF w FOR VALUES FROM (40) TO (50);"""
    statements = await migrates(old, new)
    assert "CREATE INDEX CONCURRENTLY named ON public.w4 USING btree (k)" in statements


async def test_an_invalid_index_is_built_anew(migrates, new_database, psql, kernel_run):
    """What a failed concurrent build leaves."""
    from confiture.hooks import INSPECTOR
    from confiture.model import DiffOptions
    from confiture_catalog.differ.planning import make_plan

    broken, whole = new_database(), new_database()
    psql(whole, TABLE + "CREATE UNIQUE INDEX i ON t (b);")
    psql(broken, TABLE + "INSERT INTO t VALUES (1, NULL, 1), (2, NULL, 1);")
    with pytest.raises(AssertionError, match="could not create unique index"):
        psql(broken, "CREATE UNIQUE INDEX CONCURRENTLY i ON t (b)")
    psql(broken, "DELETE FROM t WHERE id = 1")
    async with kernel_run(database=broken) as run:
        inspector = run.get(INSPECTOR, "catalog")
        plan = make_plan(await inspector.inspect(run, broken), await inspector.inspect(run, whole), DiffOptions())
    psql(broken, "".join(f"{each.sql};\n" for each in plan.statements))
    assert psql(broken, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") == "t"
