"""The new database: whether it is there, where its schema is until it is, and how it is made."""

from __future__ import annotations

import msgspec
import pytest

from confiture.config.dsn import to_uri
from confiture.errors import DatabaseNotEmpty, DatabaseNotFound, FeatureMissing, StatementFailed
from confiture.kernel import Kernel
from confiture_schema_to_schema.creating import create_target, new_schema, target_exists
from confiture_schema_to_schema.values import Sides

pytestmark = pytest.mark.anyio

TABLES = """
SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class
 WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


@pytest.fixture
def absent(target, psql, server):
    """A database that is not there."""
    psql(server, f'DROP DATABASE "{target.database}"')
    return target


@pytest.fixture
async def run(project, source, server):
    """A run for another environment than that of the new database, whose scratch databases are on the test's server."""
    project.environment_for(source, "production")
    own = f"[project]\nname = '{source.database}'\n"  # by which its templates are told from those of other tests
    project.config(f"{own}[build]\norder = 'auto'\n[scratch]\nurl = '{to_uri(server.params)}'\n")
    project.schema("10.sql", "CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);")
    project.schema("20.sql", "CREATE TABLE a (id int PRIMARY KEY); ALTER DATABASE postgres SET work_mem = '4MB';")
    async with Kernel(project.root).run(env="production") as run:
        yield run


def sides(source, target, environment=None) -> Sides:
    return Sides(source=source, target=target, environment=environment)


async def test_it_is_there_or_it_is_not(ctx, source, absent):
    assert await target_exists(ctx, source)
    assert not await target_exists(ctx, absent)


async def test_the_schema_of_one_that_is_not_there_is_what_the_files_make(run, source, absent, psql):
    async with new_schema(run, sides(source, absent)) as (place, exists):
        assert not exists
        assert psql(place, TABLES) == "a,b"
    with pytest.raises(DatabaseNotFound):
        async with run.connect(place):
            pass


async def test_one_without_a_table_is_not_there_yet(run, source, target, psql):
    psql(
        target, "CREATE SCHEMA confiture; CREATE TABLE confiture.confiture_move_runs (id int); CREATE EXTENSION hstore"
    )
    async with new_schema(run, sides(source, target)) as (place, exists):
        assert not exists
        assert place.database != target.database


async def test_one_with_a_table_is_itself(run, source, target, psql):
    psql(target, "CREATE TABLE public.only (id int)")
    async with new_schema(run, sides(source, target)) as (place, exists):
        assert (place, exists) == (target, True)
    assert not await create_target(run, sides(source, target))
    assert psql(target, TABLES) == "only"


async def test_what_cannot_be_made_is_told_with_its_place_and_why_it_is_made(run, project, source, absent):
    project.schema("30.sql", "SELECT 1;\nCREATE VIEW v AS SELECT nothing FROM a;")
    with pytest.raises(StatementFailed) as caught:
        async with new_schema(run, sides(source, absent)):
            pass
    assert (caught.value.file, caught.value.line) == ("db/schema/30.sql", 2)
    assert "production_new" in caught.value.__notes__[0]
    project.schema("30.sql", "CREATE EXTENSION no_such_extension;")
    with pytest.raises(FeatureMissing) as missing:
        async with new_schema(run, sides(source, absent)):
            pass
    assert missing.value.file == "db/schema/30.sql"
    assert "[scratch] url" in str(missing.value.hint)


async def test_one_that_is_not_there_is_built_in_its_own_environment(run, project, source, absent, psql):
    project.schema("20.sql", "CREATE TABLE a (id int PRIMARY KEY);")
    project.seed("a.sql", "INSERT INTO a VALUES (1);")
    project.environment_for(absent, "production_new", extra="protected = true")
    async with Kernel(project.root).run(env="production") as run:
        assert await create_target(run, sides(source, absent, "production_new"))
        assert run.environment.name == "production"
    assert psql(absent, TABLES) == "a,b"
    assert psql(absent, "SELECT count(*) FROM a") == "0"
    assert psql(source, TABLES) == ""


async def test_one_that_is_named_by_a_connection_string_is_built(run, project, source, absent, psql, server):
    project.schema("10.sql", "CREATE TABLE c (id int);")
    project.schema("20.sql", "")
    given = msgspec.structs.replace(absent, label="--to")
    assert await create_target(run, sides(source, given))
    assert psql(absent, TABLES) == "c"
    of_it = f"shobj_description(oid, 'pg_database') LIKE '%\"{run.project.name}\"%'"
    assert psql(server, f"SELECT datname FROM pg_database WHERE {of_it}") == "", "a template of it was left"


async def test_an_empty_one_is_built_where_it_is(run, project, source, target, psql):
    project.schema("10.sql", "CREATE TABLE c (id int);")
    project.schema("20.sql", "")
    psql(target, f"COMMENT ON DATABASE \"{target.database}\" IS 'mine'")
    assert await create_target(run, sides(source, target))
    assert psql(target, TABLES) == "c"
    assert "mine" in psql(
        target, "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    )


async def test_one_with_something_else_in_it_is_not_built(run, project, source, target, psql):
    psql(target, "CREATE VIEW v AS SELECT 1")
    with pytest.raises(DatabaseNotEmpty):
        await create_target(run, sides(source, target))
