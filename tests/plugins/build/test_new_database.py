"""A database that confiture creates: whole under its name, or not there at all."""

from __future__ import annotations

import anyio
import pytest

from confiture.errors import DatabaseNotEmpty, EnvironmentProtected, StatementFailed, SyntaxInvalid, UnsupportedScript
from confiture.model import Target
from plugins.build.conftest import templates

pytestmark = pytest.mark.anyio


async def test_database_is_created_with_the_schema(shop, kernel_run, absent, psql) -> None:
    """The first build on a server that has no such database."""
    async with kernel_run(shop, database=absent) as run:
        report = await run.start("build")
    assert report.databases[0].name == absent.database
    assert report.databases[0].how == "built"
    assert report.files == 3
    assert psql(absent, "SELECT count(*) FROM names") == "0"


async def test_failing_build_leaves_no_database(shop, kernel_run, absent, databases) -> None:
    """Nobody must find half a database under the name."""
    shop.schema("30_bad.sql", "CREATE TABLE fine (a int);\nCREATE TABLE bad (a nope);\n")
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(StatementFailed) as caught:
            await run.start("build")
    assert (caught.value.where, caught.value.source_line) == (
        "db/schema/30_bad.sql:2:21",
        "CREATE TABLE bad (a nope);",
    )
    assert databases(absent.database) == []


async def test_second_build_is_a_clone(shop, kernel_run, absent, psql, server) -> None:
    """The template is kept by content, and its clone has the same objects."""
    async with kernel_run(shop, database=absent) as run:
        await run.start("build")
    first = psql(absent, "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE oid >= 16384")
    async with kernel_run(shop, database=absent) as run:
        report = await run.start("build", recreate=True)
    assert report.databases[0].how == "cloned"
    assert report.databases[0].replaced
    assert psql(absent, "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE oid >= 16384") == first
    assert len(templates(server, psql, shop.name)) == 1


async def test_changed_file_is_not_a_clone(shop, kernel_run, absent, psql) -> None:
    """A template of other content would be a lie."""
    async with kernel_run(shop, database=absent) as run:
        await run.start("build")
    shop.schema("20_views/names.sql", "CREATE VIEW names AS SELECT upper(name) AS name FROM customers;\n")
    async with kernel_run(shop, database=absent) as run:
        report = await run.start("build", recreate=True)
    assert report.databases[0].how == "built"
    assert "upper" in psql(absent, "SELECT pg_get_viewdef('names'::regclass)")


async def test_without_the_cache_nothing_is_left_on_the_server(shop, kernel_run, absent, psql, server) -> None:
    """``--no-cache`` neither uses nor makes a template."""
    for _ in range(2):
        async with kernel_run(shop, database=absent) as run:
            report = await run.start("build", cache=False, recreate=True)
        assert report.databases[0].how == "built"
    assert templates(server, psql, shop.name) == []


async def test_newest_templates_are_kept(shop, kernel_run, absent, psql, server) -> None:
    """Old contents go, those used last stay."""
    shop.config(f'[project]\nname = "{shop.name}"\n[build]\nkeep_templates = 2\n')
    names = []
    for number in range(4):
        shop.schema("40.sql", f"CREATE TABLE t{number} (a int);")
        async with kernel_run(shop, database=absent) as run:
            report = await run.start("build", recreate=True)
        names.append(f"confiture_template_{report.digest[:24]}")
    assert templates(server, psql, shop.name) == sorted(names[-2:])


async def test_seeds_run_after_the_clone(shop, kernel_run, absent, psql) -> None:
    """Seeds may change without the schema: they are no part of the template."""
    shop.seed("customers.sql", "INSERT INTO customers VALUES (1, 'Ann');\n")
    async with kernel_run(shop, database=absent) as run:
        await run.start("build")
    assert psql(absent, "SELECT name FROM customers") == "Ann"
    shop.seed("customers.sql", "INSERT INTO customers VALUES (1, 'Bob');\n")
    async with kernel_run(shop, database=absent) as run:
        report = await run.start("build", recreate=True)
    assert report.databases[0].how == "cloned"
    assert psql(absent, "SELECT name FROM customers") == "Bob"
    async with kernel_run(shop, database=absent) as run:
        await run.start("build", recreate=True, seeds=False)
    assert psql(absent, "SELECT count(*) FROM customers") == "0"


async def test_failing_seed_leaves_no_database(shop, kernel_run, absent, databases) -> None:
    """A schema without its seeds is not what was asked for."""
    shop.seed("customers.sql", "INSERT INTO customers VALUES (1, NULL);\n")
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(StatementFailed, match="null value"):
            await run.start("build")
    assert databases(absent.database) == []


async def test_mistake_in_a_seed_shows_before_anything_is_made(shop, kernel_run, absent, databases) -> None:
    """A long build must not end on a comma."""
    shop.schema("05_slow.sql", "SELECT pg_sleep(61.5);")
    shop.seed("customers.sql", "INSERT INTO customers VALUES (1,, 'Ann');\n")
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(SyntaxInvalid) as caught:
            await run.start("build")
    assert caught.value.where == "db/seeds/customers.sql:1:33"
    assert databases(absent.database) == []


async def test_several_equal_databases(shop, kernel_run, absent, databases, psql, server) -> None:
    """For parallel tests: NAME_1 to NAME_N, with or without a template that stays."""
    async with kernel_run(shop, database=absent) as run:
        report = await run.start("build", databases=3, cache=False)
    assert [done.name for done in report.databases] == [f"{absent.database}_{n}" for n in (1, 2, 3)]
    assert databases(absent.database) == [f"{absent.database}_{n}" for n in (1, 2, 3)]
    assert psql(server.with_database(f"{absent.database}_3"), "SELECT count(*) FROM names") == "0"
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(DatabaseNotEmpty, match="_1"):
            await run.start("build", databases=3)


async def test_settings_of_the_database_reach_clones(shop, kernel_run, absent, psql) -> None:
    """They hang on the database itself: neither a clone nor a temporary name carries them."""
    shop.schema(
        "50_database.sql",
        "ALTER DATABASE whatever SET work_mem TO '7MB';\n"
        'ALTER DATABASE whatever SET search_path TO public, "Odd Name";\n'
        "REVOKE CONNECT ON DATABASE whatever FROM PUBLIC;\n"
        "GRANT TEMPORARY ON DATABASE whatever TO PUBLIC;\n"
        "COMMENT ON DATABASE whatever IS 'a \\ shop''s';\n"
        "ALTER DATABASE whatever CONNECTION LIMIT 33;\n",
    )
    seen = []
    for _ in range(2):
        async with kernel_run(shop, database=absent) as run:
            report = await run.start("build", recreate=True)
        seen.append(
            psql(
                absent,
                "SELECT current_setting('work_mem'), current_setting('search_path'), datacl::text[] @> '{=T/postgres}'"
                " AND array_length(datacl, 1) = 2, datconnlimit,"
                " shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()",
            )
        )
    assert report.databases[0].how == "cloned"
    assert seen == ['7MB|public, "Odd Name"|t|33|a \\ shop\'s'] * 2


async def test_occupied_database_is_refused_with_what_was_found(shop, kernel_run, database, psql) -> None:
    """The user must see what would have been lost."""
    psql(database, "CREATE TABLE precious (a serial, b int GENERATED ALWAYS AS IDENTITY)")
    psql(database, "CREATE VIEW v AS SELECT 1 AS x;")
    async with kernel_run(shop, database=database) as run:
        with pytest.raises(DatabaseNotEmpty) as caught:
            await run.start("build")
    assert "1 table (public.precious), 1 view (public.v)" in caught.value.message
    assert "--recreate" in (caught.value.hint or "")


async def test_recreate_replaces_under_connected_sessions(shop, kernel_run, database, psql) -> None:
    """Sessions of the old database are ended; there is always a database of that name."""
    psql(database, "CREATE TABLE old (a int);")
    async with kernel_run(shop, database=database) as run, run.connect(database) as session:
        report = await run.start("build", recreate=True)
        with pytest.raises(Exception, match=r"connection|terminat"):
            await session.fetchval("SELECT 1")
    assert report.databases[0].replaced
    assert psql(database, "SELECT to_regclass('old') IS NULL, to_regclass('names') IS NOT NULL") == "t|t"


async def test_recreate_that_fails_leaves_the_old_database(shop, kernel_run, database, psql, databases) -> None:
    """A failed build must not cost anything."""
    psql(database, "CREATE TABLE old AS SELECT 42 AS a;")
    shop.schema("90_bad.sql", "SELECT 1/0;")
    async with kernel_run(shop, database=database) as run:
        with pytest.raises(StatementFailed, match="division by zero"):
            await run.start("build", recreate=True)
    assert psql(database, "SELECT a FROM old") == "42"


async def test_protected_environment_is_never_replaced(shop, kernel_run, database, psql) -> None:
    """Not even with consent."""
    psql(database, "CREATE TABLE old AS SELECT 42 AS a;")
    async with kernel_run(shop, database=database, protected=True) as run:
        with pytest.raises(EnvironmentProtected):
            await run.start("build", recreate=True)
    assert psql(database, "SELECT a FROM old") == "42"


async def test_protected_environment_gets_no_templates(shop, kernel_run, absent, psql, server) -> None:
    """Nothing is left on such a server that was not asked for."""
    async with kernel_run(shop, database=absent, protected=True) as run:
        await run.start("build")
    assert templates(server, psql, shop.name) == []


async def test_statement_outside_of_a_transaction(shop, kernel_run, absent, psql) -> None:
    """Found by the grammar, run alone, in its place."""
    shop.schema("15.sql", "CREATE INDEX CONCURRENTLY by_name ON customers (name);\nCOMMENT ON INDEX by_name IS 'x';\n")
    async with kernel_run(shop, database=absent) as run:
        await run.start("build")
    assert psql(absent, "SELECT obj_description('by_name'::regclass)") == "x"


@pytest.mark.parametrize("sql", ["CREATE DATABASE x", "ALTER SYSTEM SET work_mem = '1MB'"])
async def test_statement_about_the_whole_server_is_refused(shop, kernel_run, absent, databases, sql) -> None:
    """No failed build could take it back."""
    shop.schema("15.sql", f"-- first line\n{sql};\n")
    async with kernel_run(shop, database=absent) as run:
        with pytest.raises(UnsupportedScript) as caught:
            await run.start("build")
    assert caught.value.where == "db/schema/15.sql:2"
    assert databases(absent.database) == []


async def test_two_builds_at_once_both_end_well_or_by_name(shop, kernel_run, absent, psql) -> None:
    """The second waits for the first, and then finds a database that is not empty."""
    shop.schema("05_slow.sql", "SELECT pg_sleep(0.3);")
    outcomes: list[str] = []

    async def build() -> None:
        async with kernel_run(shop, database=absent) as run:
            try:
                outcomes.append((await run.start("build")).databases[0].how)
            except DatabaseNotEmpty:
                outcomes.append("not empty")

    async with anyio.create_task_group() as group:
        group.start_soon(build)
        group.start_soon(build)
    assert sorted(outcomes) == ["built", "not empty"]
    assert psql(absent, "SELECT count(*) FROM names") == "0"


async def test_cancelled_build_leaves_nothing(shop, kernel_run, absent, where_runs, databases) -> None:
    """Ctrl-C in the middle: no database, no session."""
    shop.schema("25_slow.sql", "SELECT pg_sleep(60.25);")
    seen = []

    async def cancel(scope: anyio.CancelScope) -> None:
        while not (name := where_runs("pg_sleep(60.25)")):
            await anyio.sleep(0.05)
        seen.append(name)
        scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(cancel, group.cancel_scope)
        async with kernel_run(shop, database=absent) as run:
            await run.start("build")
    assert seen[0].startswith("confiture_tmp_")
    assert databases(seen[0]) == []
    assert databases(absent.database) == []
    assert where_runs("pg_sleep(60.25)") == ""


async def test_another_roles_template_of_the_same_content_is_no_obstacle(shop, kernel_run, absent, psql) -> None:
    """Two roles of one server build the same schema: neither may clone or mark what the other owns."""
    role = f"{absent.database}_role"
    psql(absent.with_database("postgres"), f'CREATE ROLE "{role}" LOGIN CREATEDB')
    other = Target(label="t", params={**absent.params, "user": role, "dbname": f"{absent.database}_2"})
    async with kernel_run(shop, database=absent) as run:
        await run.start("build")
    for how in ("built", "cloned"):
        async with kernel_run(shop, database=other) as run:
            report = await run.start("build", recreate=True)
        assert report.databases[0].how == how
    for name in (other.database, *templates(absent, psql, shop.name)):
        psql(absent.with_database("postgres"), f'DROP DATABASE "{name}"')
    psql(absent.with_database("postgres"), f'DROP ROLE "{role}"')
