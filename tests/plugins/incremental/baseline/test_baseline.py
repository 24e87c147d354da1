"""``migrate baseline``: a database that is there begins its history."""

from __future__ import annotations

import anyio
import pytest

from cancelling import at_every_await
from confiture.cli.main import run_command
from confiture.errors import DriftFound, HistoryConflict, Refused, UsageError

pytestmark = pytest.mark.anyio
ROWS = "SELECT version, name, direction, state FROM confiture.confiture_migrations ORDER BY id"
MESSAGE = "SELECT message FROM confiture.confiture_migrations ORDER BY id DESC LIMIT 1"
SHOP = """
CREATE EXTENSION pg_trgm;
CREATE TYPE mood AS ENUM ('sweet', 'sour');
CREATE TABLE fruits (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE, mood mood);
CREATE TABLE jams (id serial PRIMARY KEY, fruit bigint NOT NULL REFERENCES fruits, price numeric CHECK (price > 0));
CREATE INDEX ON fruits USING gin (name gin_trgm_ops);
CREATE VIEW cheap AS SELECT * FROM jams WHERE price < 3;
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';
COMMENT ON TABLE jams IS 'what is sold';
"""


@pytest.fixture
def baseline(migrations):
    async def baseline(version=None, **values):
        return await migrations.run("baseline", version=version, **values)

    return baseline


class TestOfMigrationsThatAreThere:
    async def test_all_are_recorded_and_none_is_run(self, migrations, baseline):
        """``up`` would fail: the tables are there."""
        migrations.tables("a", "b")
        migrations.psql("CREATE TABLE a (id int); CREATE TABLE b (id int)")
        report = await baseline()
        assert (report.versions, report.proved, report.path) == (("001", "002"), True, None)
        assert migrations.psql(ROWS).splitlines() == ["001|a|up|baseline", "002|b|up|baseline"]
        assert (await migrations.up()).migrations == ()

    async def test_up_to_a_version(self, migrations, baseline):
        """What comes after it runs."""
        migrations.tables("a", "b")
        migrations.psql("CREATE TABLE a (id int)")
        await baseline("1")
        assert await migrations.states() == {"001": "applied", "002": "pending"}
        await migrations.up()
        assert migrations.public() == ["a", "b"]

    async def test_a_database_that_is_something_else_is_refused(self, migrations, baseline):
        migrations.tables("a", "b")
        migrations.psql("CREATE TABLE a (id bigint)")
        with pytest.raises(DriftFound, match="2 differences") as caught:
            await baseline()
        assert "table public.b: in the migrations to 002, missing in the database" in caught.value.detail
        assert "type: bigint in the database, integer in the migrations to 002" in caught.value.detail
        assert migrations.psql("SELECT to_regnamespace('confiture') IS NULL") == "t"
        report = await baseline(prove=False)
        assert (report.versions, report.proved) == (("001", "002"), False)

    async def test_one_that_reads_gives_nothing_to_compare_with(self, migrations, baseline):
        migrations.python("001_a", "async def up(self):\n    self.execute('CREATE TABLE a (id int)')")
        migrations.psql("CREATE TABLE a (id int)")
        with pytest.raises(Refused, match="reads the database"):
            await baseline()
        assert (await baseline(prove=False)).versions == ("001",)

    async def test_a_history_is_continued(self, migrations, baseline):
        migrations.tables("a")
        await migrations.up()
        migrations.tables("a", "b")
        migrations.psql("CREATE TABLE b (id int)")
        assert (await baseline()).versions == ("002",)
        assert (await baseline()).versions == ()

    async def test_another_history_is_refused(self, migrations, baseline):
        migrations.tables("a", "b")
        await migrations.up(fake=True, target="001")
        await migrations.down(fake=True)
        migrations.sql("003_c", "CREATE TABLE c (id int)")
        await migrations.run("up", fake=True, steps=2)
        migrations.sql("000_zero", "CREATE TABLE zero (id int)")
        with pytest.raises(HistoryConflict, match="not the beginning of these migrations"):
            await baseline(prove=False)

    async def test_a_version_that_there_is_not(self, migrations, baseline):
        migrations.tables("a")
        with pytest.raises(UsageError, match="no migration '7'"):
            await baseline("7")


class TestWithoutMigrations:
    async def test_the_first_one_makes_everything(self, migrations, baseline, new_database, dump, project):
        """A new database that it runs on is the same to pg_dump, and the old one does not run it."""
        migrations.psql(SHOP)
        before = dump(migrations.database)
        report = await baseline()
        assert (report.path, report.versions, report.proved) == ("db/migrations/001_baseline.py", ("001",), True)
        assert migrations.psql(ROWS) == "001|baseline|up|baseline"
        assert (await migrations.up()).migrations == ()
        new = new_database()
        await migrations.run("up", database=new)
        assert dump(new) == before == dump(migrations.database)
        assert "def down" not in (project.root / report.path).read_text()

    async def test_as_sql(self, migrations, baseline, new_database, dump, project):
        migrations.psql(SHOP)
        report = await baseline(sql=True)
        assert report.path == "db/migrations/001_baseline.up.sql"
        new = new_database()
        await migrations.run("up", database=new)
        assert dump(new) == dump(migrations.database)

    async def test_an_empty_database_has_nothing_to_stand_for(self, migrations, baseline):
        with pytest.raises(Refused, match="is empty"):
            await baseline()
        assert not (migrations.project.root / "db/migrations").exists()

    async def test_a_version_needs_migrations(self, baseline):
        with pytest.raises(UsageError, match="no migration '001'"):
            await baseline("001")

    async def test_where_the_files_are_lost_nothing_is_made_up(self, migrations, baseline, project):
        migrations.tables("a")
        await migrations.up()
        for file in (project.root / "db/migrations").iterdir():
            file.unlink()
        with pytest.raises(HistoryConflict, match="001 is applied, and there are no migrations"):
            await baseline()

    async def test_a_row_that_could_not_be_written_is_written_by_the_next_run(self, migrations, baseline, project):
        """Which finds the migration, and compares."""
        migrations.psql(
            "CREATE TABLE a (id int); CREATE SCHEMA confiture; CREATE TABLE confiture.confiture_migrations"
            " (version text, name text); COMMENT ON TABLE confiture.confiture_migrations IS"
            " 'confiture''s history of this database''s migrations, one row an event; layout 2'"
        )
        with pytest.raises(Exception, match="column"):
            await baseline()
        migrations.psql("DROP TABLE confiture.confiture_migrations")
        assert (await baseline()).proved
        assert migrations.psql(ROWS) == "001|baseline|up|baseline"


async def test_cancelled_anywhere_it_is_recorded_or_not_and_nobody_waits(migrations, kernel_run, project, psql, server):
    """The row is there or it is not, no session and no lock is left, and the next run does what is left."""
    migrations.tables("a")
    outside = server.with_database("postgres")
    held = (
        "SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND (classid::bigint << 32) | objid::bigint"
        f" = hashtextextended('confiture:migrate {migrations.database.database}', 0)),"
        f" (SELECT count(*) FROM pg_stat_activity WHERE datname = '{migrations.database.database}')"
    )

    async def work():
        async with kernel_run(project) as run:
            await run.start("baseline", prove=False)

    times = 0
    async for _ in at_every_await(work):
        times += 1
        with anyio.fail_after(60):  # the server takes a moment to see that a session ended
            while psql(outside, held) != "0|0":
                await anyio.sleep(0.05)
        exists = migrations.psql("SELECT to_regclass('confiture.confiture_migrations') IS NOT NULL") == "t"
        assert not exists or migrations.psql(ROWS) in ("", "001|a|up|baseline")
    assert times > 20
    assert migrations.psql(ROWS) == "001|a|up|baseline"


class TestOtherToolsHistories:
    async def test_alembic(self, migrations, baseline, project, database, new_database, dump):
        """Made by Alembic itself, with two heads."""
        pytest.importorskip("alembic")
        sqlalchemy = pytest.importorskip("sqlalchemy")
        from alembic.runtime.migration import MigrationContext

        params = database.params
        url = sqlalchemy.URL.create(
            "postgresql+psycopg",
            username=params["user"],
            database=params["dbname"],
            query={"host": params["host"], "port": params.get("port", "5432")},
        )
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as connection:
            context = MigrationContext.configure(connection)
            context._ensure_version_table()
            connection.execute(sqlalchemy.text("INSERT INTO alembic_version VALUES ('ae1027a6acf'), ('27c6a30d7c24')"))
            connection.execute(sqlalchemy.text("CREATE TABLE a (id int)"))
        engine.dispose()
        report = await baseline()
        assert report.histories[0].revisions == ("27c6a30d7c24", "ae1027a6acf")
        assert migrations.psql(MESSAGE) == (
            "stands for alembic 27c6a30d7c24, ae1027a6acf\npublic.alembic_version: 27c6a30d7c24, ae1027a6acf"
        )
        assert any("left alone" in getattr(event, "message", "") for event in migrations.events)
        assert "alembic" not in (project.root / report.path).read_text()
        assert migrations.psql("SELECT count(*) FROM alembic_version") == "2"

    async def test_django(self, migrations, baseline, project):
        """The table as Django 5 makes it (django/db/migrations/recorder.py, MigrationSchema); the last of each app."""
        migrations.psql(
            "CREATE TABLE django_migrations (id bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,"
            " app varchar(255) NOT NULL, name varchar(255) NOT NULL, applied timestamptz NOT NULL);"
            "INSERT INTO django_migrations (app, name, applied) VALUES ('auth', '0001_initial', now()),"
            " ('shop', '0001_initial', now()), ('auth', '0002_alter', now()); CREATE TABLE a (id int)"
        )
        await baseline(tool="django")
        assert migrations.psql(MESSAGE).splitlines() == [
            "stands for 3 of django, up to auth.0002_alter, shop.0001_initial",
            "public.django_migrations: auth.0001_initial, shop.0001_initial, auth.0002_alter",
        ]
        assert "django" not in (project.root / "db/migrations/001_baseline.py").read_text()

    #: flyway-core, PostgreSQLDatabase.getRawCreateScript
    FLYWAY = (
        "CREATE TABLE flyway_schema_history (installed_rank INT NOT NULL, version VARCHAR(50),"
        " description VARCHAR(200) NOT NULL, type VARCHAR(20) NOT NULL, script VARCHAR(1000) NOT NULL,"
        " checksum INTEGER, installed_by VARCHAR(100) NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT now(),"
        " execution_time INTEGER NOT NULL, success BOOLEAN NOT NULL);"
        "ALTER TABLE flyway_schema_history ADD CONSTRAINT flyway_schema_history_pk PRIMARY KEY (installed_rank);"
        "CREATE INDEX flyway_schema_history_s_idx ON flyway_schema_history (success);"
        "INSERT INTO flyway_schema_history VALUES (0, NULL, '<< Flyway Schema Creation >>', 'SCHEMA', 'x', NULL, 'u',"
        " now(), 0, true), (1, '1', 'a', 'SQL', 'V1__a.sql', 1, 'u', now(), 1, true),"
        " (2, '1.1', 'b', 'SQL', 'V1_1__b.sql', 1, 'u', now(), 1, true),"
        " (3, '2', 'c', 'SQL', 'V2__c.sql', 1, 'u', now(), 1, true),"
        " (4, '2', 'c', 'UNDO_SQL', 'U2__c.sql', 1, 'u', now(), 1, true),"
        " (5, NULL, 'views', 'SQL', 'R__views.sql', 1, 'u', now(), 1, true),"
        " (6, NULL, 'views', 'SQL', 'R__views.sql', 2, 'u', now(), 1, true); CREATE TABLE a (id int);"
    )

    async def test_flyway(self, migrations, baseline):
        """What was undone is not applied, and a repeatable one counts once."""
        migrations.psql(self.FLYWAY)
        report = await baseline()
        assert report.histories[0].revisions == ("1", "1.1", "R__views.sql")

    async def test_a_failure_of_flyway_stops_it(self, migrations, baseline):
        migrations.psql(self.FLYWAY + "INSERT INTO flyway_schema_history VALUES (7, '3', 'd', 'SQL', 'V3__d.sql', 1,"
                        " 'u', now(), 1, false)")  # fmt: skip
        with pytest.raises(Refused, match=r"Flyway's migration 3 \(V3__d.sql\) failed"):
            await baseline()
        assert (await baseline(tool="none")).histories == ()

    async def test_dbmate(self, migrations, baseline):
        """The table as dbmate makes it (pkg/driver/postgres, CreateMigrationsTable)."""
        migrations.psql(
            "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);"
            "INSERT INTO schema_migrations VALUES ('20240102000000'), ('20240101000000'); CREATE TABLE a (id int)"
        )
        report = await baseline(tool="dbmate")
        assert report.histories[0].revisions == ("20240101000000", "20240102000000")

    async def test_golang_migrate_s_table_is_not_dbmate_s(self, migrations, baseline, project):
        """It is left alone all the same (migrate, database/postgres: version bigint, dirty boolean)."""
        migrations.psql(
            "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);"
            "INSERT INTO schema_migrations VALUES (7, false); CREATE TABLE a (id int)"
        )
        with pytest.raises(Refused, match="no history of dbmate"):
            await baseline(tool="dbmate")
        report = await baseline()
        assert report.histories == ()
        assert "schema_migrations" not in (project.root / report.path).read_text()

    async def test_yoyo(self, migrations, baseline, project):
        """The tables as yoyo 8 makes them (yoyo/internalmigrations/v2.py)."""
        migrations.psql(
            "CREATE TABLE _yoyo_migration (migration_hash VARCHAR(64), migration_id VARCHAR(255),"
            " applied_at_utc TIMESTAMP, PRIMARY KEY (migration_hash));"
            "CREATE TABLE _yoyo_version (version INT NOT NULL PRIMARY KEY, installed_at_utc TIMESTAMP);"
            "INSERT INTO _yoyo_migration VALUES ('x', '0002.b', '2024-01-02'), ('y', '0001.a', '2024-01-01');"
            "CREATE TABLE a (id int)"
        )
        report = await baseline()
        assert report.histories[0].revisions == ("0001.a", "0002.b")
        assert "yoyo" not in (project.root / report.path).read_text()

    async def test_a_tool_that_was_not_here(self, migrations, baseline):
        migrations.psql("CREATE TABLE a (id int); CREATE TABLE alembic_version (version_num varchar(32))")
        with pytest.raises(Refused, match="no history of flyway in this database: no table 'flyway_schema_history'"):
            await baseline(tool="flyway")
        with pytest.raises(Refused, match="the history of alembic is empty"):
            await baseline(tool="alembic")

    async def test_beside_migrations_their_tables_are_no_difference(self, migrations, baseline):
        migrations.tables("a")
        migrations.psql("CREATE TABLE a (id int); CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);"
                        "INSERT INTO alembic_version VALUES ('abc')")  # fmt: skip
        assert (await baseline()).proved
        assert migrations.psql(MESSAGE).startswith("stands for alembic abc")


def test_the_command(migrations, project, database, monkeypatch, capsys):
    project.environment_for(database)
    monkeypatch.chdir(project.root)
    migrations.psql("CREATE TABLE a (id int)")
    assert run_command(["migrate", "baseline", "--from", "none"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[:2] == ["db/migrations/001_baseline.py", "= 001 recorded, not run"]
    assert out[2].endswith("begins with 1 migration, proved")
