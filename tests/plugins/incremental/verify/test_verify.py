"""``verify``: what migrations give, and where their ways back lead."""

from __future__ import annotations

import pytest

from confiture.errors import StatementFailed, UnsupportedScript

pytestmark = pytest.mark.anyio


def ways(report):
    return {way.version: way.state for way in report.ways}


async def test_migrations_that_give_the_schema_and_lead_back(migrations, verify, project):
    project.schema("1.sql", "CREATE TABLE a (id int, b text);")
    migrations.sql("001_a", "CREATE TABLE a (id int);", "DROP TABLE a;")
    migrations.sql("002_b", "ALTER TABLE a ADD COLUMN b text;", "ALTER TABLE a DROP COLUMN b;")
    report = await verify()
    assert ways(report) == {"001": "ok", "002": "ok"}
    assert (report.differences, report.exit_code, report.migrations) == ((), 0, 2)


async def test_where_the_migrations_lead_elsewhere_each_object_is_told(migrations, verify, project):
    project.schema("1.sql", "CREATE TABLE a (id bigint, promised text); CREATE TABLE b (id int);")
    migrations.sql("001_a", "CREATE TABLE a (id int, extra text);", "DROP TABLE a;")
    report = await verify()
    assert report.exit_code == 2
    assert {(each.state, each.kind, each.identity) for each in report.differences} == {
        ("missing", "table", "public.b"),
        ("missing", "column", "public.a.promised"),
        ("extra", "column", "public.a.extra"),
        ("differs", "column", "public.a.id"),
    }
    (differs,) = [each for each in report.differences if each.state == "differs"]
    assert differs.properties == (("type", "integer", "bigint"),)


async def test_a_down_that_leaves_something_is_told_and_the_next_migration_is_judged_by_itself(
    migrations, verify, project
):
    project.schema("1.sql", "CREATE TABLE a (id int, b int); CREATE INDEX i ON a (b); CREATE TABLE c (id int);")
    migrations.sql("001_a", "CREATE TABLE a (id int);", "DROP TABLE a;")
    migrations.sql(
        "002_b",
        "ALTER TABLE a ADD COLUMN b int; CREATE INDEX i ON a (b);",
        "DROP INDEX i; ALTER TABLE a ALTER id TYPE bigint;",
    )
    migrations.sql("003_c", "CREATE TABLE c (id int);", "DROP TABLE c;")
    report = await verify()
    assert ways(report) == {"001": "ok", "002": "differs", "003": "ok"}
    assert {(each.state, each.identity, each.properties) for each in report.ways[1].differences} == {
        ("extra", "public.a.b", ()),
        ("differs", "public.a.id", (("type", "bigint", "integer"),)),
    }
    assert (report.differences, report.exit_code) == ((), 2)


async def test_a_migration_without_a_way_back_says_so_and_is_no_error(migrations, verify, project):
    project.schema("1.sql", "CREATE TABLE a (id int); CREATE TABLE b (id int);")
    migrations.sql("001_a", "CREATE TABLE a (id int);")
    migrations.python("002_b", 'def up(self):\n    self.execute("CREATE TABLE b (id int)")\n')
    report = await verify()
    assert ways(report) == {"001": "irreversible", "002": "irreversible"}
    assert report.exit_code == 0


async def test_a_down_that_fails_is_told_with_its_place(migrations, verify, project):
    project.schema("1.sql", "CREATE TABLE a (id int); CREATE TABLE b (id int);")
    migrations.sql("001_a", "CREATE TABLE a (id int);", "-- gone\nDROP TABLE wrong;")
    migrations.sql("002_b", "CREATE TABLE b (id int);", "DROP TABLE b;")
    report = await verify()
    assert ways(report) == {"001": "down failed", "002": "ok"}
    assert report.ways[0].where.startswith("db/migrations/001_a.down.sql:2")
    assert "wrong" in report.ways[0].message
    assert report.exit_code == 2


async def test_an_up_that_works_only_once_is_told(migrations, verify, project):
    """What no catalog shows may be left: a large object, here."""
    project.schema("1.sql", "CREATE TABLE a (id int);")
    migrations.sql("001_a", "CREATE TABLE a (id int); SELECT lo_create(4711);", "DROP TABLE a;")
    report = await verify()
    assert ways(report) == {"001": "up failed"}
    assert "large object" in report.ways[0].message or "largeobject" in report.ways[0].message
    assert report.ways[0].where.startswith("db/migrations/001_a.up.sql:1")


async def test_an_up_that_fails_is_an_error_with_its_place(migrations, verify, project):
    project.schema("1.sql", "CREATE TABLE a (id int);")
    migrations.sql("001_a", "CREATE TABLE a (id int);\nCREATE TABLE a (id int);", "DROP TABLE a;")
    with pytest.raises(StatementFailed) as error:
        await verify()
    assert (error.value.file, error.value.line) == ("db/migrations/001_a.up.sql", 2)


async def test_only_what_is_pending_is_tried(migrations, verify, project):
    project.schema("1.sql", "CREATE TABLE a (id int); CREATE TABLE b (id int); CREATE TABLE c (id int);")
    migrations.sql("001_a", "CREATE TABLE a (id int);", "SELECT 1;")  # a way back that leads nowhere
    await migrations.up()
    migrations.sql("002_b", "CREATE TABLE b (id int);", "DROP TABLE b;")
    migrations.sql("003_c", "CREATE TABLE c (id int);", "DROP TABLE c;")
    report = await verify()
    assert ways(report) == {"002": "ok", "003": "ok"}
    assert (report.pending_of, report.exit_code) == (migrations.database.database, 0)
    assert ways(await verify(all=True)) == {"001": "differs", "002": "ok", "003": "ok"}


async def test_without_a_database_all_are_tried(migrations, verify, project):
    project.schema("1.sql", "CREATE TABLE a (id int);")
    migrations.tables("a")
    nowhere = {"database_url": "postgresql://nobody@127.0.0.1:1/nothing"}
    report = await verify(environment=nowhere)
    assert (ways(report), report.pending_of) == ({"001": "ok"}, None)


async def test_nothing_of_it_touches_the_database(migrations, verify, project):
    project.schema("1.sql", "CREATE TABLE a (id int);")
    migrations.tables("a")
    await verify()
    assert (
        migrations.psql("SELECT count(*) FROM pg_class WHERE relnamespace <> ALL (ARRAY[11, 99]) AND oid > 16383")
        == "0"
    )
    assert migrations.psql("SELECT count(*) FROM pg_namespace WHERE nspname = 'confiture'") == "0"


async def test_migrations_that_read_are_run_too(migrations, verify, project):
    """The source ``migrations`` cannot tell what they do: the database that they ran on is compared."""
    project.schema("1.sql", "CREATE TABLE a (id int, c text); CREATE TABLE b (id int);")
    migrations.sql("001_a", "CREATE TABLE a (id int);", "DROP TABLE a;")
    migrations.python(
        "002_c",
        """
        async def up(self):
            if not await self.fetch("SELECT 1 FROM information_schema.columns WHERE column_name = 'c'"):
                self.execute("ALTER TABLE a ADD COLUMN c text")

        async def down(self):
            for row in await self.fetch("SELECT 'a' AS name"):
                self.execute(f"ALTER TABLE {row['name']} DROP COLUMN c")
        """,
    )
    migrations.sql("003_b", "CREATE TABLE b (id int);", "DROP TABLE b;")
    report = await verify()
    assert ways(report) == {"001": "ok", "002": "ok", "003": "ok"}
    assert report.differences == ()
    project.schema("2.sql", "CREATE TABLE more (id int);")
    report = await verify()
    assert [(each.state, each.identity) for each in report.differences] == [("missing", "public.more")]


async def test_statements_outside_of_transactions_enum_values_and_backfills_run(migrations, verify, project):
    project.schema(
        "1.sql",
        "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TABLE a (id int, m mood DEFAULT 'ok', n int);"
        "CREATE INDEX i ON a (id);",
    )
    migrations.sql(
        "001_a", "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE a (id int, m mood);", "DROP TABLE a; DROP TYPE mood;"
    )
    migrations.sql("002_i", "CREATE INDEX CONCURRENTLY i ON a (id);", "DROP INDEX CONCURRENTLY i;")
    migrations.sql("003_e", "ALTER TYPE mood ADD VALUE 'ok'; ALTER TABLE a ALTER m SET DEFAULT 'ok';")
    migrations.python(
        "004_n",
        """
        def up(self):
            self.execute("ALTER TABLE a ADD COLUMN n int")
            self.backfill("a", set="n = id", where="n IS NULL AND id IS NOT NULL")

        def down(self):
            self.execute("ALTER TABLE a DROP COLUMN n")
        """,
    )
    report = await verify()
    assert ways(report) == {"001": "ok", "002": "ok", "003": "irreversible", "004": "ok"}
    assert report.exit_code == 0


async def test_roles_are_made_without_login_and_what_belongs_to_the_server_is_left_out(
    migrations, verify, project, server, psql
):
    schema = "CREATE TABLE a (id int); GRANT SELECT ON a TO verify_reader;"
    project.schema("1.sql", schema)
    migrations.sql(
        "001_a",
        f"CREATE ROLE verify_writer LOGIN; ALTER ROLE verify_writer CREATEDB; VACUUM; {schema}",
        "DROP TABLE a; DROP ROLE verify_writer;",
    )
    try:
        report = await verify()
        assert (ways(report), report.exit_code) == ({"001": "ok"}, 0)
        assert {note.rpartition(": ")[2] for note in report.notes} == {"ALTER ROLE", "VACUUM", "DROP ROLE"}
        sql = "SELECT rolname, rolcanlogin, rolcreatedb FROM pg_roles WHERE rolname LIKE 'verify\\_%' ORDER BY 1"
        assert psql(server, sql) == "verify_reader|f|f\nverify_writer|f|f"
    finally:
        psql(server, "DROP ROLE IF EXISTS verify_reader, verify_writer")


async def test_what_no_scratch_server_can_have_is_refused(migrations, verify, project):
    project.schema("1.sql", "CREATE TABLE a (id int);")
    options = "(connect = false, slot_name = NONE, enabled = false)"
    migrations.sql(
        "001_a", f"CREATE TABLE a (id int); CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH {options};"
    )
    with pytest.raises(UnsupportedScript, match="SUBSCRIPTION"):
        await verify()


async def test_no_scratch_database_is_left(migrations, verify, project, server, no_scratch_left):
    project.schema("1.sql", "CREATE TABLE a (id int);")
    migrations.sql("001_a", "CREATE TABLE a (id int);", "SELECT 1;")
    await verify()
    no_scratch_left(server)
