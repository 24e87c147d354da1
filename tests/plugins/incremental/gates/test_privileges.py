"""What a role lacks is told before the first statement, with what gives it: that is run, and then it works."""

from __future__ import annotations

import itertools
import os

import msgspec
import pytest

from confiture.errors import PermissionMissing
from confiture.model import Target

pytestmark = pytest.mark.anyio
_numbers = itertools.count(1)


class Deployer:
    """A role without rights of its own, and a run as that role."""

    def __init__(self, migrations, name):
        self.migrations = migrations
        self.name = name
        params = {**migrations.database.params, "user": name}
        self.database: Target = msgspec.structs.replace(migrations.database, params=params, managed=False)

    async def up(self, **values):
        return await self.migrations.up(database=self.database, **values)

    async def refused(self, **values):
        with pytest.raises(PermissionMissing) as caught:
            await self.up(**values)
        return caught.value


@pytest.fixture
def deployer(migrations):
    name = f"deployer_{os.getpid()}_{next(_numbers)}"
    owner = f"owner_{name}"
    migrations.psql(f"CREATE ROLE {name} LOGIN; CREATE ROLE {owner}; CREATE SCHEMA confiture AUTHORIZATION {name}")
    found = Deployer(migrations, name)
    found.owner = owner
    yield found
    migrations.psql(f"DROP OWNED BY {name}, {owner} CASCADE; DROP ROLE {name}, {owner}")


async def test_what_it_may_do_is_done(deployer, migrations):
    """No alarm where there is no need of one."""
    migrations.psql(f"GRANT CREATE ON SCHEMA public TO {deployer.name}")
    migrations.sql("001_a", "CREATE TABLE a (id int PRIMARY KEY); CREATE INDEX ON a (id); INSERT INTO a VALUES (1);"
                   "CREATE TABLE b (a_id int REFERENCES a); ALTER TABLE a RENAME TO c; DROP TABLE b;")  # fmt: skip
    migrations.sql("002_c", "ALTER TABLE c ADD COLUMN x int; COMMENT ON COLUMN c.x IS 'x'; CREATE VIEW v AS TABLE c;")
    await deployer.up()
    assert migrations.public() == ["c"]


@pytest.mark.parametrize("statement", [
    "ALTER TABLE shop ADD COLUMN x int", "CREATE INDEX ON shop (id)", "COMMENT ON TABLE shop IS 'x'",
    "ALTER TABLE shop RENAME TO market", "COMMENT ON COLUMN shop.id IS 'x'",
    "ALTER TABLE shop ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON shop USING (true)",
    "ALTER TABLE shop RENAME COLUMN id TO number",
    "CREATE TABLE part () INHERITS (shop)", "DROP TABLE shop",
])  # fmt: skip
async def test_what_belongs_to_another_role_is_not_altered(deployer, migrations, statement):
    migrations.psql(f"GRANT CREATE ON SCHEMA public TO {deployer.name}, {deployer.owner};"
                    f"CREATE TABLE shop (id int); ALTER TABLE shop OWNER TO {deployer.owner}")  # fmt: skip
    migrations.sql("001_new", "CREATE TABLE new (id int)")
    migrations.sql("002_shop", f"CREATE TABLE more (id int);\n{statement};")
    error = await deployer.refused(allow_data_loss=True)
    assert 'the table "public.shop" cannot be' in error.message
    assert f"belongs to {deployer.owner!r}" in error.message
    assert (error.file, error.line) == ("db/migrations/002_shop.up.sql", 2)
    assert migrations.public() == ["shop"]
    assert migrations.psql("SELECT to_regclass('confiture.confiture_migrations')") == ""
    migrations.psql(error.hint)
    await deployer.up(allow_data_loss=True)
    assert "new" in migrations.public()


@pytest.mark.parametrize(("statement", "what"), [
    ("CREATE TABLE app.a (id int)", "'a' cannot be made in the schema 'app'"),
    ("CREATE VIEW app.v AS SELECT 1 AS x", "'v' cannot be made in the schema 'app'"),
    ("CREATE FUNCTION app.f() RETURNS int LANGUAGE sql RETURN 1", "'f' cannot be made in the schema 'app'"),
    ("CREATE TYPE app.e AS ENUM ('x')", "'e' cannot be made in the schema 'app'"),
    ("CREATE TABLE a (id int)", "'a' cannot be made in the schema 'public'"),
    ("CREATE SCHEMA more", "the schema 'more' cannot be made"),
    ("INSERT INTO app.shop VALUES (1)", "no right to INSERT on \"app.shop\""),
    ("UPDATE app.shop SET id = 2 WHERE false", "no right to UPDATE on \"app.shop\""),
    ("TRUNCATE app.shop", "no right to TRUNCATE on \"app.shop\""),
    ("CREATE TABLE confiture.x (id int REFERENCES app.shop)", "no right to REFERENCES on \"app.shop\""),
    ("DROP TABLE app.shop", "the table \"app.shop\" cannot be dropped"),
    ("ALTER TYPE app.mood ADD VALUE 'y'", "the type \"app.mood\" cannot be altered"),
])  # fmt: skip
async def test_what_is_missing_is_named_and_the_hint_gives_it(deployer, migrations, statement, what):
    migrations.psql(f"CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO {deployer.name};"
                    f"GRANT USAGE, CREATE ON SCHEMA app TO {deployer.owner};"
                    "CREATE TABLE app.shop (id int PRIMARY KEY);"
                    f"ALTER TABLE app.shop OWNER TO {deployer.owner}; GRANT SELECT ON app.shop TO {deployer.name};"
                    f"CREATE TYPE app.mood AS ENUM ('x'); ALTER TYPE app.mood OWNER TO {deployer.owner}")  # fmt: skip
    migrations.sql("001_a", statement)
    error = await deployer.refused(allow_data_loss=True)
    assert what in error.message
    migrations.psql(error.hint)
    await deployer.up(allow_data_loss=True)


async def test_all_that_is_missing_is_told_at_once(deployer, migrations):
    migrations.psql(f"CREATE TABLE shop (id int); CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO {deployer.name}")
    migrations.sql("001_a", "ALTER TABLE shop ADD COLUMN x int; ALTER TABLE shop ADD COLUMN y int;")
    migrations.sql("002_b", "CREATE TABLE app.a (id int); INSERT INTO shop VALUES (1);")
    error = await deployer.refused()
    assert "and 2 more" in error.message
    assert len(error.detail.splitlines()) == len(error.hint.splitlines()) == 3


async def test_a_schema_whose_names_it_may_not_use(deployer, migrations):
    migrations.psql(f"CREATE SCHEMA app; CREATE TABLE app.shop (id int); ALTER TABLE app.shop OWNER TO {deployer.name}")
    migrations.sql("001_a", "ALTER TABLE app.shop ADD COLUMN x int")
    error = await deployer.refused()
    assert error.hint == f"GRANT USAGE ON SCHEMA app TO {deployer.name};"
    migrations.psql(error.hint)
    await deployer.up()


async def test_the_history_itself(deployer, migrations):
    migrations.tables("a")
    migrations.psql(f"ALTER SCHEMA confiture OWNER TO postgres; GRANT CREATE ON SCHEMA public TO {deployer.name}")
    error = await deployer.refused()
    assert "the table of the history cannot be made" in error.message
    migrations.psql("DROP SCHEMA confiture")
    error = await deployer.refused()
    assert "the schema 'confiture' cannot be made" in error.message
    migrations.psql(error.hint)
    await deployer.up()
    assert migrations.public() == ["a"]


async def test_a_history_that_it_may_not_write_to(deployer, migrations):
    migrations.psql(f"GRANT CREATE ON SCHEMA public TO {deployer.name}; GRANT CREATE ON SCHEMA public TO postgres")
    migrations.tables("a")
    await migrations.up()
    migrations.psql(f"GRANT SELECT ON confiture.confiture_migrations TO {deployer.name}")
    migrations.sql("002_b", "CREATE TABLE b (id int)")
    error = await deployer.refused()
    assert "the history" in error.message
    migrations.psql(error.hint)
    await deployer.up()
    assert migrations.public() == ["a", "b"]


@pytest.mark.parametrize("statement", [
    "SET ROLE {owner}; ALTER TABLE shop ADD COLUMN x int",
    "SET LOCAL ROLE {owner}; ALTER TABLE shop ADD COLUMN x int",
    "CREATE TEMP TABLE shop (id int); ALTER TABLE shop ADD COLUMN x int",
    "DROP TABLE IF EXISTS nothing; CREATE TABLE IF NOT EXISTS pg_temp.x (id int)",
])  # fmt: skip
async def test_where_it_is_not_sure_postgres_decides(deployer, migrations, statement):
    """A false alarm would keep a migration from running that works."""
    migrations.psql(f"CREATE TABLE shop (id int); GRANT CREATE ON SCHEMA public TO {deployer.owner};"
                    f"ALTER TABLE shop OWNER TO {deployer.owner};"
                    f"GRANT {deployer.owner} TO {deployer.name} WITH INHERIT FALSE")  # fmt: skip
    migrations.sql("001_a", statement.format(owner=deployer.owner))
    await deployer.up()
    assert migrations.rows("version, state") == ["001|applied"]


@pytest.mark.parametrize("together", [False, True])
async def test_a_migration_may_run_as_another_role_and_the_history_is_our_own(deployer, migrations, together, psql):
    """The owner of the tables need not know of the history."""
    migrations.psql(f"GRANT CREATE ON SCHEMA public TO {deployer.owner}, {deployer.name};"
                    f"GRANT {deployer.owner} TO {deployer.name}")  # fmt: skip
    for number, name in ((1, "a"), (2, "b")):
        migrations.sql(
            f"00{number}_{name}", f"SET ROLE {deployer.owner}; CREATE TABLE {name} ();", f"DROP TABLE {name};"
        )
    migrations.sql("003_c", "CREATE TABLE c ();", "DROP TABLE c;")
    await deployer.up(dry_run_execute=True)
    await deployer.up(single_transaction=together)
    owners = "SELECT string_agg(tableowner, ',' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'"
    assert migrations.psql(owners) == f"{deployer.owner},{deployer.owner},{deployer.name}"
    await deployer.migrations.down(database=deployer.database, target="0")
    script = (await deployer.up(dry_run=True)).sql
    psql(deployer.database, script)
    assert migrations.psql(owners) == f"{deployer.owner},{deployer.owner},{deployer.name}"


async def test_nobody_is_told_to_make_a_role_a_superuser(deployer, migrations):
    migrations.psql(f"CREATE TABLE shop (id int); GRANT CREATE ON SCHEMA public TO {deployer.name}")
    migrations.sql("001_a", "ALTER TABLE shop ADD COLUMN x int")
    error = await deployer.refused()
    assert error.hint == f"ALTER TABLE public.shop OWNER TO {deployer.name};"
    migrations.psql(error.hint)
    await deployer.up()
