"""An empty database that is there already: built where it is, all or nothing."""

from __future__ import annotations

import uuid

import anyio
import msgspec
import pytest

from confiture.errors import PermissionMissing, StatementFailed
from confiture.model import Note

pytestmark = pytest.mark.anyio

_OBJECTS = """
SELECT count(*) FROM (
  SELECT oid FROM pg_class WHERE oid >= 16384 UNION ALL SELECT oid FROM pg_proc WHERE oid >= 16384
  UNION ALL SELECT oid FROM pg_type WHERE oid >= 16384 UNION ALL SELECT oid FROM pg_namespace WHERE oid >= 16384
  UNION ALL SELECT oid FROM pg_event_trigger UNION ALL SELECT oid FROM pg_publication
  UNION ALL SELECT oid FROM pg_default_acl UNION ALL SELECT oid FROM pg_extension WHERE oid >= 16384
  UNION ALL SELECT oid FROM pg_operator WHERE oid >= 16384 UNION ALL SELECT oid FROM pg_largeobject_metadata) o
"""
_MUCH = """
CREATE EXTENSION citext;
CREATE SCHEMA app;
CREATE TYPE app.mood AS ENUM ('fine');
CREATE DOMAIN short AS text CHECK (length(VALUE) < 9);
CREATE TABLE app.people (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name citext, mood app.mood, nick short);
CREATE TABLE parts (day date) PARTITION BY RANGE (day);
CREATE TABLE parts_1 PARTITION OF parts DEFAULT;
CREATE MATERIALIZED VIEW sums AS SELECT count(*) FROM app.people;
CREATE FUNCTION twice(a int) RETURNS int LANGUAGE sql RETURN a * 2;
CREATE OPERATOR !!! (FUNCTION = twice, RIGHTARG = int);
CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int);
CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER note_it ON sql_drop EXECUTE FUNCTION noted();
CREATE PUBLICATION everything FOR ALL TABLES;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
SELECT lo_create(0);
CREATE INDEX CONCURRENTLY by_name ON app.people (name);
"""


async def test_empty_database_is_built_in_place(shop, kernel_run, database, psql) -> None:
    """Its OID stays: somebody made it with care."""
    oid = psql(database, "SELECT oid FROM pg_database WHERE datname = current_database()")
    shop.seed("customers.sql", "INSERT INTO customers VALUES (1, 'Ann');\n")
    async with kernel_run(shop, database=database) as run:
        report = await run.start("build")
    assert (report.databases[0].how, report.databases[0].replaced) == ("built", False)
    assert psql(database, "SELECT oid FROM pg_database WHERE datname = current_database()") == oid
    assert psql(database, "SELECT name FROM names") == "Ann"


async def test_extensions_and_empty_schemas_count_as_empty(shop, kernel_run, database, psql) -> None:
    """As a hosting provider hands databases out; our own schema does not count either."""
    psql(
        database,
        "CREATE EXTENSION citext; CREATE SCHEMA app; CREATE SCHEMA confiture; CREATE TABLE confiture.x (a int)",
    )
    async with kernel_run(shop, database=database) as run:
        await run.start("build")
    assert psql(database, "SELECT count(*) FROM names") == "0"


async def test_failure_in_one_transaction_leaves_it_empty(shop, kernel_run, database, psql) -> None:
    """Nothing of the first files remains."""
    before = psql(database, _OBJECTS)
    shop.schema("90_bad.sql", "SELECT 1/0;")
    async with kernel_run(shop, database=database) as run:
        with pytest.raises(StatementFailed, match="division by zero"):
            await run.start("build")
    assert psql(database, _OBJECTS) == before


async def test_failure_in_batches_is_taken_back(shop, kernel_run, database, psql) -> None:
    """With a statement that refuses a transaction, what has committed must go again."""
    psql(database, "CREATE EXTENSION hstore; CREATE SCHEMA kept;")
    before = psql(database, _OBJECTS)
    shop.schema("80_much.sql", _MUCH)
    shop.schema("90_bad.sql", "SELECT 1/0;")
    async with kernel_run(shop, database=database) as run:
        with pytest.raises(StatementFailed, match="division by zero"):
            await run.start("build")
    assert psql(database, _OBJECTS) == before
    assert psql(database, "SELECT string_agg(extname, ',' ORDER BY extname) FROM pg_extension") == "hstore,plpgsql"
    assert psql(database, "SELECT has_schema_privilege('public', 'USAGE')") == "t"


async def test_cancel_in_batches_is_taken_back(shop, kernel_run, database, psql, where_runs) -> None:
    """Ctrl-C is a failure too."""
    before = psql(database, _OBJECTS)
    shop.schema("80_much.sql", _MUCH)
    shop.schema("90_slow.sql", "SELECT pg_sleep(60.75);")

    async def cancel(scope: anyio.CancelScope) -> None:
        while where_runs("pg_sleep(60.75)") != database.database:
            await anyio.sleep(0.05)
        scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(cancel, group.cancel_scope)
        async with kernel_run(shop, database=database) as run:
            await run.start("build")
    assert group.cancel_scope.cancelled_caught
    assert psql(database, _OBJECTS) == before


async def test_statement_outside_of_a_transaction_runs_in_place(shop, kernel_run, database, psql) -> None:
    """In its order, between the others."""
    shop.schema("80_much.sql", _MUCH)
    async with kernel_run(shop, database=database) as run:
        await run.start("build")
    assert psql(database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'app.by_name'::regclass") == "t"


async def test_jobs_say_that_they_have_no_effect(shop, kernel_run, database) -> None:
    """One transaction is one connection."""
    heard = []
    async with kernel_run(shop, database=database, observers=[heard.append]) as run:
        await run.start("build", jobs=2)
    assert any(isinstance(event, Note) and "--jobs" in event.message for event in heard)


async def test_seeds_do_not_inherit_the_schemas_session(shop, kernel_run, database, absent, psql) -> None:
    """On a clone they begin with a new session, so they must here as well."""
    shop.schema("99_session.sql", "SET search_path TO pg_catalog; SET ROLE postgres;")
    shop.seed("customers.sql", "INSERT INTO customers VALUES (1, 'Ann');\n")
    for target in (database, absent):
        async with kernel_run(shop, database=target) as run:
            await run.start("build")
        assert psql(target, "SELECT name FROM names") == "Ann"


@pytest.fixture
def modest(server, new_database, psql):
    """An empty database owned by a role that may not create databases."""
    role = f"modest_{uuid.uuid4().hex[:8]}"
    target = new_database()
    psql(server, f"CREATE ROLE {role} LOGIN")
    psql(server, f'ALTER DATABASE "{target.database}" OWNER TO {role}')
    yield msgspec.structs.replace(target, params={**target.params, "user": role})
    psql(server.with_database("postgres"), f'DROP DATABASE "{target.database}" WITH (FORCE)')
    psql(server.with_database("postgres"), f"DROP ROLE {role}")


async def test_role_without_createdb_builds_in_place(shop, kernel_run, modest, psql) -> None:
    """All that many hosts give their users."""
    async with kernel_run(shop, database=modest) as run:
        await run.start("build")
    assert psql(modest, "SELECT count(*) FROM names") == "0"


async def test_role_without_createdb_cannot_replace(shop, kernel_run, modest, psql) -> None:
    """It is told what it lacks, and keeps what it has."""
    psql(modest, "CREATE TABLE old AS SELECT 42 AS a")
    async with kernel_run(shop, database=modest) as run:
        with pytest.raises(PermissionMissing, match="may not create databases") as caught:
            await run.start("build", recreate=True)
    assert "CREATEDB" in (caught.value.hint or "")
    assert psql(modest, "SELECT a FROM old") == "42"
