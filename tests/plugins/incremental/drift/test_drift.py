"""``drift``: a live database beside what the project says of it. psql and pg_dump are the judges."""

from __future__ import annotations

import os
import subprocess

import pytest

import pgserver
from confiture.config.dsn import to_uri
from confiture.errors import HistoryConflict, Refused

pytestmark = pytest.mark.anyio


def found(report):
    return {(each.state, each.kind, each.identity) for each in report.differences}


def dump(target):
    """The schema as pg_dump says it, without the history."""
    command = [
        str(pgserver.binaries() / "pg_dump"), "--schema-only", "--no-owner", "--exclude-schema=confiture",
        "--restrict-key=x", "-d", to_uri(target.params),
    ]  # fmt: skip
    env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout


@pytest.fixture
async def shop(migrations, project):
    """A database that two migrations made, which give db/schema/."""
    project.schema("1.sql", "CREATE TABLE a (id int NOT NULL, code text); CREATE INDEX i ON a (code);")
    migrations.sql("001_a", "CREATE TABLE a (id int NOT NULL, code text);", "DROP TABLE a;")
    migrations.sql("002_i", "CREATE INDEX i ON a (code);", "DROP INDEX i;")
    await migrations.up()
    return migrations


async def test_a_database_as_the_schema_says_has_not_drifted(shop, drift):
    """The history is no drift."""
    report = await drift()
    assert (report.differences, report.exit_code, report.path) == ((), 0, None)
    assert (await drift(against="migrations")).differences == ()


@pytest.mark.parametrize("against", ["schema", "migrations"])
async def test_each_object_is_told(shop, drift, against):
    shop.psql("DROP INDEX i; CREATE TABLE by_hand (id int, x int); ALTER TABLE a ALTER id TYPE bigint, ADD extra int;")
    report = await drift(against=against)
    assert found(report) == {
        ("missing", "index", "public.i"),
        ("extra", "table", "public.by_hand"),
        ("extra", "column", "public.a.extra"),
        ("differs", "column", "public.a.id"),
    }
    (column,) = [each for each in report.differences if each.state == "differs"]
    assert column.properties == (("type", "bigint", "integer"),)
    assert report.exit_code == 2


async def test_what_may_be_a_rename_is_told_and_nothing_is_asked(shop, drift):
    """A check in CI has nobody to ask."""
    shop.psql("ALTER TABLE a RENAME COLUMN code TO code_2")
    report = await drift()
    assert {("missing", "column", "public.a.code"), ("extra", "column", "public.a.code_2")} <= found(report)


async def test_what_is_pending_is_named_against_the_schema_and_left_out_against_migrations(shop, drift, project):
    project.schema("2.sql", "CREATE TABLE b (id int);")
    shop.sql("003_b", "CREATE TABLE b (id int);", "DROP TABLE b;")
    report = await drift()
    assert (found(report), report.pending) == ({("missing", "table", "public.b")}, ("003",))
    assert (await drift(against="migrations")).differences == ()


async def test_applied_migrations_that_are_no_prefix_promise_what_they_do(shop, drift):
    shop.sql("004_d", "CREATE TABLE d (id int);", "DROP TABLE d;")
    shop.sql("003_c", "CREATE TABLE c (id int);", "DROP TABLE c;")
    await shop.up()
    shop.psql("DROP TABLE c; DELETE FROM confiture.confiture_migrations WHERE version = '003'")
    assert (await drift(against="migrations")).differences == ()
    shop.psql("DROP TABLE d")
    assert found(await drift(against="migrations")) == {("missing", "table", "public.d")}


async def test_migrations_that_read_promise_what_they_did(shop, drift):
    shop.python(
        "003_r",
        """
        async def up(self):
            for row in await self.fetch("SELECT 'read' AS name"):
                self.execute(f"ALTER TABLE a ADD COLUMN {row['name']} int")
        """,
    )
    await shop.up()
    assert (await drift(against="migrations")).differences == ()
    shop.psql("ALTER TABLE a DROP COLUMN read")
    assert found(await drift(against="migrations")) == {("missing", "column", "public.a.read")}


async def test_without_a_history_nobody_knows_what_was_promised(migrations, drift, project):
    project.schema("1.sql", "CREATE TABLE a (id int);")
    with pytest.raises(HistoryConflict, match="has no history"):
        await drift(against="migrations")
    assert found(await drift()) == {("missing", "table", "public.a")}


async def test_a_file_that_is_gone_is_named(shop, drift):
    (shop.project.root / "db/migrations/002_i.up.sql").unlink()
    (shop.project.root / "db/migrations/002_i.down.sql").unlink()
    with pytest.raises(HistoryConflict, match="002"):
        await drift(against="migrations")


async def test_what_is_excluded_is_no_drift(shop, drift):
    shop.psql("CREATE TABLE tmp_x (id int)")
    assert found(await drift()) == {("extra", "table", "public.tmp_x")}
    assert (await drift(exclude=("public.tmp_*",))).differences == ()


async def test_the_database_is_only_read(shop, drift):
    shop.psql("DROP INDEX i")
    before = dump(shop.database), shop.rows()
    await drift()
    await drift(fix=True)
    assert (dump(shop.database), shop.rows()) == before


@pytest.mark.parametrize(("against", "sql"), [("schema", True), ("migrations", False)])
async def test_a_fix_takes_the_database_back_and_does_nothing_to_others(shop, drift, new_database, against, sql):
    other = new_database()
    await shop.run("up", database=other)
    promised = dump(other)
    shop.psql(
        "DROP INDEX i; CREATE TABLE by_hand (id int PRIMARY KEY); CREATE VIEW v AS SELECT id FROM by_hand;"
        "ALTER TABLE a ALTER id TYPE bigint, ALTER id DROP NOT NULL, ADD extra int, ADD CONSTRAINT c CHECK (id > 0);"
        "CREATE TYPE mood AS ENUM ('ok'); CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1;"
    )
    assert dump(shop.database) != promised
    report = await drift(fix=True, against=against, sql=sql)
    assert report.path == f"db/migrations/003_fix_drift.{'up.sql' if sql else 'py'}"
    assert report.exit_code == 0
    for database in (shop.database, other):
        await shop.run("up", database=database, ignore_drift=True, allow_data_loss=True)
        assert dump(database) == promised
    assert (await drift(against=against)).differences == ()
    await shop.down()
    assert dump(shop.database) == promised
    assert [way.state for way in (await shop.run("verify", all=True)).ways] == ["ok", "ok", "ok"]


async def test_a_fix_makes_again_what_others_have(shop, drift, new_database, project):
    """There it is already, under its name."""
    more = (
        "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE m (id int PRIMARY KEY, m mood, UNIQUE (m));"
        "ALTER TABLE m ADD CONSTRAINT positive CHECK (id > 0); CREATE SEQUENCE s;"
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER t BEFORE INSERT ON m FOR EACH ROW EXECUTE FUNCTION f();"
        "CREATE POLICY p ON m USING (true); CREATE VIEW v AS SELECT id FROM m;"
    )
    project.schema("2.sql", more)
    shop.sql("003_m", more)
    other = new_database()
    for database in (shop.database, other):
        await shop.run("up", database=database)
    promised = dump(other)
    shop.psql("DROP TABLE m CASCADE; DROP TYPE mood; DROP FUNCTION f; DROP SEQUENCE s; DROP INDEX i;")
    await drift(fix=True)
    for database in (shop.database, other):
        await shop.run("up", database=database, ignore_drift=True)
        assert dump(database) == promised


async def test_a_fix_while_migrations_are_pending_is_refused(shop, drift, project):
    """It would hold what they do, and they would fail after it."""
    project.schema("2.sql", "CREATE TABLE b (id int);")
    shop.sql("003_b", "CREATE TABLE b (id int);", "DROP TABLE b;")
    with pytest.raises(HistoryConflict, match="003"):
        await drift(fix=True)


async def test_a_fix_that_would_harm_others_is_refused_and_leaves_no_file(shop, drift):
    """A rename has no form for where it is so already."""
    shop.psql("ALTER TABLE a RENAME COLUMN code TO code_2; ALTER TABLE a DROP COLUMN id, ADD id int NOT NULL")
    before = sorted((shop.project.root / "db/migrations").iterdir())
    with pytest.raises(Refused, match="no migration can bring this drift back"):
        await drift(fix=True, renames=(("a.code_2", "code"),))
    assert sorted((shop.project.root / "db/migrations").iterdir()) == before


async def test_without_drift_no_migration_is_written(shop, drift):
    report = await drift(fix=True)
    assert report.path is None
    assert not list((shop.project.root / "db/migrations").glob("003*"))
