"""Functions, procedures and aggregates."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.anyio

KEPT = "CREATE FUNCTION f(a integer, b integer DEFAULT 1) RETURNS integer LANGUAGE sql AS 'SELECT 1';"


@pytest.mark.parametrize(
    "other",
    [
        "CREATE FUNCTION f(a integer, b integer DEFAULT 1) RETURNS integer LANGUAGE sql STABLE AS 'SELECT 2';",
        "CREATE FUNCTION f(a integer, b integer DEFAULT 2) RETURNS integer LANGUAGE sql AS 'SELECT 1';",
        "CREATE FUNCTION f(a integer, b integer DEFAULT 1) RETURNS integer RETURN a;",
    ],
)
async def test_what_callers_do_not_see_is_replaced_in_place(migrates, other):
    view = "CREATE VIEW v AS SELECT f(1);"
    (statement,) = await migrates(KEPT + view, other + view)
    assert statement.startswith("CREATE OR REPLACE FUNCTION public.f(")


async def test_a_default_that_is_added_needs_no_drop(migrates):
    """The way back drops it: PostgreSQL removes no default in place."""
    old = "CREATE FUNCTION f(a integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';"
    (statement,) = await migrates(old, old.replace("a integer", "a integer DEFAULT 3"))
    assert statement.startswith("CREATE OR REPLACE")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("FUNCTION f(a integer) RETURNS integer", "FUNCTION f(b integer) RETURNS integer"),
        ("FUNCTION f(a integer) RETURNS integer", "FUNCTION f(a integer) RETURNS bigint"),
        ("FUNCTION f(a integer) RETURNS integer", "PROCEDURE f(a integer)"),
        ("FUNCTION f(a integer, OUT x integer)", "FUNCTION f(a integer, OUT y integer)"),
        ("FUNCTION f(a integer, OUT x integer, OUT z text)", "FUNCTION f(a integer, OUT y integer, OUT z text)"),
        ("FUNCTION f(a integer) RETURNS TABLE (x text)", "FUNCTION f(a integer) RETURNS TABLE (y text)"),
        ("PROCEDURE f(a integer, INOUT x integer)", "PROCEDURE f(a integer, INOUT y integer)"),
        ("FUNCTION f(integer) RETURNS integer WINDOW", "FUNCTION f(integer) RETURNS integer"),
    ],
)
async def test_what_callers_see_is_made_anew(migrates, old, new):
    body = " LANGUAGE plpgsql AS 'BEGIN END';"
    internal = " LANGUAGE internal AS 'window_rank';"
    tail = internal if "WINDOW" in old else body
    statements = await migrates(f"CREATE {old}{tail}", f"CREATE {new}{body}")
    assert [each.split()[0] for each in statements] == ["DROP", "CREATE"]


async def test_what_needs_a_function_that_is_made_anew_comes_back_with_all_it_had(migrates):
    rest = """CREATE VIEW v AS SELECT f(1) AS x; COMMENT ON VIEW v IS 'kept'; GRANT SELECT ON v TO PUBLIC;
        CREATE TABLE t (a integer, CHECK (f(a) > 0)); CREATE INDEX i ON t (f(a));"""
    made = "CREATE FUNCTION f(a integer) RETURNS {} LANGUAGE sql IMMUTABLE AS 'SELECT 1';"
    await migrates(made.format("integer") + rest, made.format("bigint") + rest)


async def test_what_bodies_name_comes_before_what_runs_them(migrates):
    """PostgreSQL records no needs of bodies that are strings; these run while the plan does."""
    old = "CREATE TABLE t (a integer);"
    new = """SET check_function_bodies = off;
        CREATE FUNCTION b() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM public.z); END';
        CREATE FUNCTION a() RETURNS bigint LANGUAGE sql AS 'SELECT public.b()';
        CREATE TABLE z_rows (x integer);
        CREATE FUNCTION c(i integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
            'BEGIN PERFORM FROM public.z_rows; RETURN i; END';
        CREATE MATERIALIZED VIEW z AS SELECT 1 AS one;
        CREATE MATERIALIZED VIEW y AS SELECT a() AS x;
        CREATE TABLE t (a integer, CHECK (c(a) > 0));"""
    statements = await migrates(old, new, rows="INSERT INTO t VALUES (1)")
    views = [each.split()[3] for each in statements if each.startswith("CREATE MATERIALIZED")]
    assert views == ["public.z", "public.y"]


async def test_aggregates_of_every_sort(migrates):
    new = """CREATE AGGREGATE plain(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0', PARALLEL = safe,
            COMBINEFUNC = int4pl, MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = integer, MINITCOND = '7');
        CREATE AGGREGATE everything(*) (SFUNC = int8inc, STYPE = bigint, INITCOND = '0');
        CREATE AGGREGATE glued(text) (SFUNC = textcat, STYPE = text, INITCOND = '');
        CREATE AGGREGATE largest(integer) (SFUNC = int4larger, STYPE = integer, SORTOP = >);
        CREATE AGGREGATE part(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal,
            FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA, FINALFUNC_MODIFY = read_only);
        CREATE AGGREGATE place(VARIADIC "any" ORDER BY VARIADIC "any") (SFUNC = ordered_set_transition_multi,
            STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL);
        COMMENT ON AGGREGATE everything(*) IS 'all'; COMMENT ON AGGREGATE part(float8 ORDER BY anyelement) IS 'p';
        REVOKE EXECUTE ON FUNCTION part(float8, anyelement) FROM PUBLIC;"""
    await migrates("", new)


async def test_an_aggregate_is_replaced_in_place(migrates):
    old = "CREATE AGGREGATE plain(integer) (SFUNC = int4pl, STYPE = integer); CREATE VIEW v AS SELECT plain(1);"
    (statement,) = await migrates(old, old.replace("int4pl", "int4mi"))
    assert statement.startswith("CREATE OR REPLACE AGGREGATE public.plain(integer)")
