"""Types of both sides are compared as they travel, before a row does."""

from __future__ import annotations

import pytest

from confiture.errors import Refused
from confiture.testing import open_context
from confiture.transfer import fit

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ask(project, new_database, psql):
    """``await ask(query, "a int, b text", ddl=..., binary=...)``: against a table of these columns elsewhere."""
    source, target = new_database(), new_database()
    psql(target, "CREATE TYPE first_oids AS ENUM ('x')")

    async def ask(query: str, columns: str, *, ddl: str = "", binary: bool = True):
        for place in (source, target):
            psql(place, ddl)
        psql(target, f"DROP TABLE IF EXISTS t; CREATE TABLE t ({columns})")
        names = [each.split()[0] for each in columns.split(", ")]
        async with ctx.connect(source) as one, ctx.connect(target) as other:
            return await fit(one, query, other, "public.t", names, binary=binary)

    async with open_context(project.root) as ctx:
        yield ask


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("1::bigint", "integer"),
        ("1::integer", "bigint"),
        ("1::integer", "oid"),
        ("1::integer", "date"),
        ("now()::timestamp", "timestamptz"),
        ("'{}'::jsonb", "text"),
        ("'{}'::json", "jsonb"),
        ("1.5::numeric", "double precision"),
        ("'x'::bytea", "text"),
        ("'{1}'::integer[]", "bigint[]"),
        ("'{x}'::text[]", "varchar[]"),
        ("'[1,2)'::int4range", "int8range"),
        ("ROW(1, 'x')", "pair"),
        ("'{}'::other[]", "mood[]"),
    ],
)
async def test_types_that_differ_are_refused_with_both_names(ask, given, wanted):
    """And are no matter for texts, which the column's type reads."""
    ddl = "DROP TYPE IF EXISTS pair, mood, other; CREATE TYPE pair AS (a int, b text);"
    ddl += "CREATE TYPE mood AS ENUM ('x'); CREATE TYPE other AS ENUM ('x')"
    with pytest.raises(Refused, match=r"column 'a' of 'public.t' is '.*', and the query gives '.*'"):
        await ask(f"SELECT {given}", f"a {wanted}", ddl=ddl)
    assert not (await ask(f"SELECT {given}", f"a {wanted}", ddl="", binary=False)).binary


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("'x'", "varchar(3)"),
        ("'x'::name", "text"),
        ("'{}'::text", "json"),
        ("'x'::text", "mood"),
        ("'x'::mood", "text"),
        ("'x'::mood", "short"),
        ("'x'::mood", "other"),
        ("'x'::short", "char(3)"),
        ("'{[1,2)}'::int4multirange", "int4multirange"),
        ("ROW(1, 'x')::pair", "pair"),
        ("'{1}'::integer[]", "integer[]"),
        ("1::positive", "integer"),
        ("1", "positive"),
    ],
)
async def test_types_whose_binary_forms_are_one_fit(ask, given, wanted):
    """Texts of all kinds, domains and what they are made of."""
    ddl = "CREATE TYPE pair AS (a int, b text); CREATE TYPE mood AS ENUM ('x'); CREATE TYPE other AS ENUM ('x');"
    ddl += "CREATE DOMAIN short AS varchar(3); CREATE DOMAIN positive AS integer"
    found = await ask(f"SELECT {given}", f"a {wanted}", ddl=ddl)
    assert (found.binary, found.obstacles, found.schema, found.table) == (True, (), "public", "t")


async def test_what_cannot_travel_in_binary_is_named(ask):
    """Types of a user's own inside of others hold OIDs; where these are the same, as within one database, they go."""
    ddl = "CREATE TYPE mood AS ENUM ('x'); CREATE TYPE moody AS (m mood)"
    columns = "a integer, b mood[], c moody, d regclass, e aclitem, f mood, g regtype[]"
    query = "SELECT 1, '{x}'::mood[], ROW('x')::moody, 'pg_class'::regclass, NULL::aclitem, 'x'::mood, NULL::regtype[]"
    found = await ask(query, columns, ddl=ddl)
    assert (found.binary, found.obstacles) == (False, ("b", "c", "d", "e", "g"))
    assert [column.as_text for column in found.columns] == [False] * 5 + [True, False]


async def test_within_one_database_a_users_types_travel_in_binary(project, database, psql):
    """The OIDs are the same there."""
    psql(database, "CREATE TYPE mood AS ENUM ('x'); CREATE TYPE moody AS (m mood, l mood[]); CREATE TABLE t (a moody)")
    async with open_context(project.root) as ctx, ctx.connect(database) as one, ctx.connect(database) as other:
        assert (await fit(one, "SELECT a FROM t", other, "t", ["a"])).binary
