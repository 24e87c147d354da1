"""Nothing of a database goes unseen, and looking leaves no trace."""

from __future__ import annotations

import anyio
import asyncpg
import pytest

from catalogs import EVERY_KIND, dump
from confiture.config import Environment
from confiture.config.dsn import to_uri
from confiture.hooks import INSPECTOR
from confiture.model import Note
from confiture_catalog import facts
from confiture_catalog.assembling import Assembly
from confiture_catalog.inspector import FAMILIES

pytestmark = pytest.mark.anyio

#: Data, or statistics of it, or what belongs to the whole server.
NO_SCHEMA = {
    "pg_largeobject_metadata",
    "pg_database",
    "pg_authid",
    "pg_tablespace",
    "pg_auth_members",
    "pg_parameter_acl",
}


async def read(connection) -> Assembly:
    version = connection.get_server_version().major
    return Assembly(
        [await connection.fetch(query) for family in FAMILIES for query in family.queries(version)],
        comments=await connection.fetch(facts.COMMENTS),
        labels=await connection.fetch(facts.LABELS),
        grants=await connection.fetch(facts.GRANTS),
        folded=await connection.fetch(facts.FOLDED),
        dependencies=await connection.fetch(facts.DEPENDENCIES),
    )


async def test_every_row_of_every_catalog_is_an_object_or_a_part_of_one(database, psql):
    """A kind that is passed over in silence is a "no change" that is wrong."""
    psql(database, EVERY_KIND)
    psql(database, "SELECT lo_create(0)")
    connection = await asyncpg.connect(to_uri(database.params))
    try:
        assembly = await read(connection)
        catalogs = await connection.fetch(
            "SELECT c.oid, c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'oid'"
            " WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r'"
        )
        missed, seen = [], set()
        for classid, name in catalogs:
            if name in NO_SCHEMA:
                continue
            for (oid,) in await connection.fetch(f"SELECT oid FROM pg_catalog.{name} WHERE oid >= 16384"):
                seen.add(name)
                if assembly.resolve((classid, oid, 0)) is None:
                    told = await connection.fetchval("SELECT pg_describe_object($1, $2, 0)", classid, oid)
                    missed.append(f"{name}: {told}")
    finally:
        await connection.close()
    assert missed == []
    unused = {name for _, name in catalogs} - seen - NO_SCHEMA
    assert unused == {"pg_subscription"}, "the DDL of every kind has nothing for these"


async def test_every_comment_is_somebodys(database, psql, inspect):
    """Comments on members of the DDL's own making; extensions' members have theirs from the extension."""
    psql(database, EVERY_KIND)
    wanted = EVERY_KIND.count("COMMENT ON ")
    schema = await inspect(database)
    own = [each for each in schema.objects if each.comment and each.kind != "extension" and each.name != "public"]
    assert len(own) == wanted


async def test_what_no_family_knows_is_named(database, psql, inspect, monkeypatch):
    """A kind that a later PostgreSQL adds must not be taken for nothing."""
    psql(database, "CREATE TABLE t (id int); CREATE POLICY p ON t USING (true); CREATE TYPE e AS ENUM ('a')")
    from confiture_catalog import triggers, types

    monkeypatch.setattr("confiture_catalog.inspector.FAMILIES", [f for f in FAMILIES if f not in (triggers, types)])
    schema = await inspect(database)
    assert [each.key for each in schema.unsupported] == [
        ("unsupported:pg_policy", "policy p on public.t"),
        ("unsupported:pg_type", "type public.e"),
    ]


async def test_temporary_objects_of_any_session_are_not_seen(database, psql, inspect):
    """Another session's temporary table is nobody's schema."""
    before = await inspect(database)
    connection = await asyncpg.connect(to_uri(database.params))
    try:
        await connection.execute(
            "CREATE TEMP TABLE t (id serial PRIMARY KEY, n int DEFAULT 3 CHECK (n > 0), name text);"
            "CREATE TEMP VIEW v AS SELECT id FROM t; CREATE INDEX ON t (n); GRANT SELECT ON t TO PUBLIC;"
            "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TYPE pg_temp.c AS (a int)"
        )
        assert (await inspect(database)).objects == before.objects
    finally:
        await connection.close()


async def test_large_objects_are_noted_and_no_part_of_the_schema(database, psql, kernel_run):
    """They are data."""
    told = []
    async with kernel_run(database=database, observers=[told.append]) as run:
        before = await run.get(INSPECTOR, "catalog").inspect(run, database)
        psql(database, "SELECT lo_create(0)")
        assert await run.get(INSPECTOR, "catalog").inspect(run, database) == before
    assert [event.message for event in told if isinstance(event, Note)] == [
        "1 large objects are data, and no part of the schema"
    ]


async def test_members_of_extensions_are_left_out_and_needed_all_the_same(database, psql, inspect):
    """They come and go with the extension, and what uses them must come after it."""
    psql(
        database,
        "CREATE EXTENSION citext; CREATE TABLE t (c citext);"
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';"
        "ALTER FUNCTION f() DEPENDS ON EXTENSION citext",
    )
    schema = await inspect(database)
    found = {each.identity: each for each in schema.objects}
    assert sorted(found) == ["citext", "public", "public.f()", "public.t", "public.t.c"]
    assert ("extension", "citext") in found["public.t.c"].needs
    assert found["public.f()"].properties["depends_on_extensions"] == ("citext",)


async def test_privileges_on_what_others_made_are_seen(database, psql, inspect):
    """pg_dump keeps them, and so must we: on extensions' members, and on PostgreSQL's own."""
    psql(
        database,
        "CREATE EXTENSION citext; REVOKE EXECUTE ON FUNCTION citext_eq(citext, citext) FROM PUBLIC;"
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO pg_monitor",
    )
    found = [each for each in (await inspect(database)).objects if each.kind == "privileges"]
    assert [(each.identity, len(each.grants), len(each.revoked)) for each in found] == [
        ("function pg_catalog.pg_read_file(pg_catalog.text)", 1, 0),
        ("function public.citext_eq(public.citext,public.citext)", 0, 1),
    ]


async def test_a_role_without_privileges_reads_the_same(database, psql, inspect, kernel_run):
    """A drift check needs no more than CONNECT. Options of user mappings are for those who own them."""
    role = f"nobody_{database.database}"
    psql(database, EVERY_KIND)
    everything = await inspect(database)
    psql(database, f'CREATE ROLE "{role}" LOGIN')
    try:
        params = {**database.params, "user": role}
        environment = Environment(name="weak", database_url=to_uri(params))
        async with kernel_run(database=database) as run:
            weak = await run.target(environment)
            seen = await run.get(INSPECTOR, "catalog").inspect(run, weak)
    finally:
        psql(database, f'DROP ROLE "{role}"')
    unlike = [old.kind for old, new in zip(everything.objects, seen.objects, strict=True) if old != new]
    assert unlike == ["user mapping"]


async def test_secrets_of_user_mappings_are_not_read(database, psql, inspect):
    """A schema is shown, cached and put into migration files."""
    psql(database, EVERY_KIND)
    schema = await inspect(database)
    (mapping,) = (each for each in schema.objects if each.kind == "user mapping")
    assert mapping.properties["option_names"] == ("password", "user")
    assert "secret" not in repr(schema)


async def test_reading_changes_nothing(database, psql, inspect):
    """No object, and no row of any catalog."""
    psql(database, EVERY_KIND)
    # Not what all databases share, where other tests work, nor what autovacuum writes.
    rows = (
        "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_all_tables s JOIN pg_class c ON c.oid = s.relid"
        " WHERE NOT c.relisshared AND c.relname NOT LIKE 'pg_statistic%'"
    )
    # What a session did is counted by its end, which is later than its client's.
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with anyio.fail_after(60):
        while psql(database, others) != "0":
            await anyio.sleep(0.02)
    before = dump(database), psql(database, rows)
    await inspect(database)
    assert (dump(database), psql(database, rows)) == before


async def test_what_an_object_needs_is_named_to_the_column(database, psql, inspect):
    """The differ orders its statements by this: row types, defaults, keys and views all lead to what they use."""
    psql(
        database,
        "CREATE SEQUENCE s; CREATE TABLE a (id int PRIMARY KEY, n int DEFAULT nextval('s'));"
        "CREATE TABLE b (a_id int REFERENCES a, whole a[]); CREATE VIEW v AS SELECT id FROM a;"
        "CREATE FUNCTION f(a) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE INDEX i ON a (n)",
    )
    needs = {
        each.identity: {identity for _, identity in each.needs}
        for each in (await inspect(database)).objects
        if each.needs
    }
    assert needs["public.a.n"] == {"public.s", "public.a.n"}
    assert needs["public.b.whole"] == {"public.a"}
    assert needs["public.b.b_a_id_fkey"] == {"public.b.a_id", "public.a.id", "public.a_pkey"}
    assert needs["public.v"] == {"public", "public.a.id"}
    assert needs["public.f(public.a)"] == {"public", "public.a"}
    assert needs["public.i"] == {"public.a.n"}


async def test_a_key_to_a_partitioned_table_is_one_object(database, psql, inspect):
    """PostgreSQL keeps a row for each partition, with a name that depends on the order of things."""
    psql(
        database,
        "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY HASH (id);"
        "CREATE TABLE p0 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        "CREATE TABLE t (p int REFERENCES p)",
    )
    schema = await inspect(database)
    keys = [each.identity for each in schema.objects if each.properties.get("type") == "foreign key"]
    assert (keys, schema.unsupported) == (["public.t.t_p_fkey"], ())
