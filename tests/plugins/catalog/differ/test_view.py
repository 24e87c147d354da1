"""Views and materialized views, and what stands on them."""

from __future__ import annotations

import pytest

from confiture.errors import Refused

pytestmark = pytest.mark.anyio

TABLE = "CREATE TABLE t (id int, name text, n numeric);"


async def test_a_view_with_more_columns_is_replaced_in_place(migrates):
    """What stands on it stays."""
    above = "CREATE VIEW above AS SELECT id FROM v; COMMENT ON COLUMN v.id IS 'x'; GRANT SELECT ON v TO PUBLIC;"
    old = TABLE + "CREATE VIEW v AS SELECT id FROM t;" + above
    new = TABLE + "CREATE VIEW v WITH (security_barrier) AS SELECT id, name FROM t WHERE n > 1;" + above
    new += "COMMENT ON COLUMN v.name IS 'y'; ALTER VIEW v ALTER COLUMN name SET DEFAULT 'z';"
    statements = await migrates(old, new, back=False)
    assert not [each for each in statements if each.startswith("DROP")]
    await migrates(new, old)


async def test_a_view_with_other_columns_takes_what_stands_on_it_along(migrates):
    """Views, materialized views and their indexes, functions, rules, triggers, defaults; comments and grants."""
    old = (
        TABLE
        + """CREATE VIEW v AS SELECT id, name FROM t;
        ALTER VIEW v ALTER COLUMN name SET DEFAULT 'none'; COMMENT ON VIEW v IS 'v'; COMMENT ON COLUMN v.id IS 'id';
        GRANT SELECT (id), UPDATE ON v TO PUBLIC;
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER instead INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION f();
        CREATE RULE quiet AS ON DELETE TO v DO INSTEAD NOTHING; COMMENT ON RULE quiet ON v IS 'r';
        CREATE VIEW above AS SELECT id FROM v;
        CREATE MATERIALIZED VIEW m WITH (fillfactor = 70) AS SELECT id, name FROM v;
        COMMENT ON MATERIALIZED VIEW m IS 'm';
        CREATE UNIQUE INDEX mi ON m (id) WITH (fillfactor = 60); COMMENT ON INDEX mi IS 'mi';
        GRANT SELECT ON m TO PUBLIC;
        ALTER TABLE m CLUSTER ON mi; ALTER MATERIALIZED VIEW m ALTER COLUMN name SET STATISTICS 10;
        CREATE FUNCTION of_it(v) RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE FUNCTION body() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM above; END;"""
    )
    new = old.replace("v AS SELECT id, name FROM t", "v AS SELECT id::bigint, name FROM t")
    await migrates(old, new)


async def test_options_of_views_are_set_and_reset(migrates):
    old = TABLE + "CREATE VIEW v WITH (security_invoker) AS SELECT id FROM t WITH LOCAL CHECK OPTION;"
    new = TABLE + "CREATE VIEW v WITH (security_barrier = false) AS SELECT id FROM t WITH CASCADED CHECK OPTION;"
    statements = await migrates(old, new)
    assert all(each.startswith("ALTER VIEW public.v ") for each in statements)


async def test_a_recursive_view_and_odd_names(migrates):
    new = (
        TABLE
        + """CREATE RECURSIVE VIEW r (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < 9;
        CREATE VIEW "Odd.Name" AS SELECT id AS "A column", name AS "select" FROM t;
        COMMENT ON COLUMN "Odd.Name"."A column" IS 'x';"""
    )
    await migrates(TABLE, new)


async def test_materialized_views_keep_their_rows_where_only_settings_change(migrates):
    old = TABLE + "CREATE MATERIALIZED VIEW m AS SELECT id, name FROM t;"
    new = TABLE + "CREATE MATERIALIZED VIEW m WITH (fillfactor = 50) AS SELECT id, name FROM t;"
    new += "ALTER MATERIALIZED VIEW m ALTER name SET STORAGE EXTERNAL, ALTER id SET STATISTICS 9;"
    assert not [each for each in await migrates(old, new) if not each.startswith("ALTER")]


async def test_a_new_materialized_view_is_filled_if_the_old_one_was(migrates):
    old = TABLE + "CREATE MATERIALIZED VIEW m AS SELECT id FROM t; CREATE MATERIALIZED VIEW e AS SELECT 1 WITH NO DATA;"
    new = TABLE + "CREATE MATERIALIZED VIEW m AS SELECT id + 1 AS id FROM t WITH NO DATA;"
    new += "CREATE MATERIALIZED VIEW e AS SELECT 2 WITH NO DATA;"
    rows = "INSERT INTO t VALUES (1); REFRESH MATERIALIZED VIEW m;"
    is_filled = "SELECT relispopulated FROM pg_class WHERE relname = 'e'"
    await migrates(old, new, rows=rows, after={"SELECT id FROM m": "2", is_filled: "f"})


async def test_a_view_and_a_table_change_places(migrates):
    await migrates(TABLE + "CREATE VIEW v AS SELECT id FROM t;", TABLE + "CREATE TABLE v (id int);")
    await migrates(
        TABLE + "CREATE VIEW v AS SELECT id FROM t;", TABLE + "CREATE MATERIALIZED VIEW v AS SELECT id FROM t;"
    )


async def test_views_that_need_each_other_are_refused_by_name(migrates):
    """One of them had its query replaced after the other was made."""
    circle = "CREATE VIEW one AS SELECT 1 AS id; CREATE VIEW other AS SELECT id FROM one;"
    circle += "CREATE OR REPLACE VIEW one AS SELECT id FROM other;"
    with pytest.raises(Refused, match=r"in a circle.*view public.o"):
        await migrates("", circle)
