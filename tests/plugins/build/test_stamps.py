"""A database that ``build`` made has the project's migrations recorded as applied: the schema holds what they do."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from confiture.errors import PermissionMissing, SourceError, StatementFailed

pytestmark = pytest.mark.anyio
ROWS = "SELECT version, name, direction, state, checksum FROM confiture.confiture_migrations ORDER BY id"
UP = "CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);\n"


@pytest.fixture
def build(shop, kernel_run):
    async def build(target, **values):
        async with kernel_run(shop, database=target) as run:
            return await run.start("build", **values)

    return build


@pytest.fixture
def with_migrations(shop):
    """The project's tables, as two migrations of both forms that make them."""
    shop.write("db/migrations/001_customers.up.sql", UP)
    shop.write(
        "db/migrations/002_orders.py",
        "from confiture.models.migration import Migration\n\nclass Orders(Migration):\n    version = '002'\n"
        "    name = 'orders'\n\n    def up(self):\n"
        "        self.execute('CREATE TABLE orders (id int, customer int REFERENCES customers)')\n"
        "        self.execute('CREATE VIEW names AS SELECT name FROM customers')\n",
    )
    return shop


def rows(shop):
    first, second = (
        hashlib.sha256((shop.root / "db/migrations" / name).read_bytes()).hexdigest()
        for name in ("001_customers.up.sql", "002_orders.py")
    )
    return [f"001|customers|up|built|{first}", f"002|orders|up|built|{second}"]


async def test_a_new_database_has_them(build, with_migrations, absent, psql):
    await build(absent)
    assert psql(absent, ROWS).splitlines() == rows(with_migrations)


async def test_so_has_a_clone_of_the_template(build, with_migrations, absent, psql):
    """The template itself does not: which migrations there are may change while the schema does not."""
    await build(absent)
    with_migrations.write("db/migrations/003_nothing.up.sql", "SELECT 1;")
    report = await build(absent, recreate=True)
    assert report.databases[0].how == "cloned"
    assert psql(absent, "SELECT array_agg(version) FROM confiture.confiture_migrations") == "{001,002,003}"


async def test_several_databases_have_them_each(build, with_migrations, absent, psql):
    await build(absent, databases=2)
    for number in (1, 2):
        assert psql(absent.with_database(f"{absent.database}_{number}"), ROWS).splitlines() == rows(with_migrations)


async def test_an_empty_database_that_is_built_in_place_has_them(build, with_migrations, database, psql):
    report = await build(database)
    assert psql(database, ROWS).splitlines() == rows(with_migrations)
    assert report.statements == 3


async def test_up_has_nothing_to_do(build, with_migrations, absent, kernel_run):
    await build(absent)
    async with kernel_run(with_migrations, database=absent) as run:
        assert (await run.start("up")).migrations == ()
        assert {one.how for one in (await run.start("status")).migrations} == {"built"}


async def test_without_migrations_there_is_no_table(build, absent, psql):
    await build(absent)
    assert psql(absent, "SELECT to_regnamespace('confiture') IS NULL") == "t"


async def test_the_script_does_not_hold_them(build, with_migrations, absent):
    report = await build(absent, execute=False)
    assert "confiture_migrations" not in report.sql


async def test_a_file_that_is_no_migration_stops_it_before_anything_is_built(build, with_migrations, absent, databases):
    with_migrations.write("db/migrations/3-more.sql", "SELECT 1")
    with pytest.raises(SourceError, match="looks like a migration"):
        await build(absent)
    assert databases(absent.database) == []


async def test_a_failed_build_in_place_leaves_no_history(build, with_migrations, database, psql):
    with_migrations.schema("99_last.sql", "CREATE TABLE last (id nonsense);\n")
    with pytest.raises(StatementFailed):
        await build(database)
    assert psql(database, "SELECT to_regnamespace('confiture') IS NULL") == "t"


@pytest.mark.parametrize("schema", ["public", "ops"])
async def test_a_table_that_is_elsewhere_is_there_and_does_not_count(build, with_migrations, database, psql, schema):
    """An emptied database keeps its history: it is empty all the same, and what it was comes before what it is."""
    config = with_migrations.root / "confiture.toml"
    config.write_text(f'{config.read_text()}[migrations]\nschema = "{schema}"\ntable = "history"\n')
    await build(database)
    psql(database, "DROP VIEW names; DROP TABLE orders, customers")
    with_migrations.schema("00_first.sql", "SET search_path = public;\n")
    await build(database)
    assert psql(database, f"SELECT array_agg(version ORDER BY id) FROM {schema}.history") == "{001,002,001,002}"


async def test_a_failed_build_in_batches_keeps_the_history_that_was_there(build, with_migrations, database, psql):
    config = with_migrations.root / "confiture.toml"
    config.write_text(f'{config.read_text()}[migrations]\nschema = "public"\n')
    await build(database)
    psql(database, "DROP VIEW names; DROP TABLE orders, customers")
    with_migrations.schema("50.sql", "CREATE INDEX CONCURRENTLY names_idx ON customers (name);\n")
    with_migrations.schema("99_last.sql", "CREATE TABLE last (id nonsense);\n")
    with pytest.raises(StatementFailed):
        await build(database)
    assert psql(database, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 2200") == (
        "confiture_migrations"
    )
    assert psql(database, "SELECT count(*) FROM public.confiture_migrations") == "2"


async def test_the_schema_may_make_the_tables_schema_itself(build, with_migrations, database, absent, psql):
    with_migrations.schema("00.sql", "CREATE SCHEMA confiture;\n")
    for target in (database, absent):
        await build(target)
        assert psql(target, ROWS).splitlines() == rows(with_migrations)


async def test_a_role_that_may_not_make_the_history_is_told_before_anything_is_built(
    build, with_migrations, database, psql
):
    """It builds where it may: the history goes where the project says."""
    role = f"{database.database}_builder"
    psql(database, f"CREATE ROLE {role} LOGIN; GRANT CREATE ON SCHEMA public TO {role}")
    weak = msgspec.structs.replace(database, params={**database.params, "user": role})
    try:
        with pytest.raises(PermissionMissing, match="may not make the schema 'confiture'") as caught:
            await build(weak)
        assert f"GRANT CREATE ON DATABASE {database.database} TO {role}" in caught.value.hint.replace('"', "")
        assert psql(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"
        config = with_migrations.root / "confiture.toml"
        config.write_text(f'{config.read_text()}[migrations]\nschema = "public"\n')
        await build(weak)
        assert psql(database, "SELECT count(*) FROM confiture_migrations") == "2"
    finally:
        psql(database, f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")
