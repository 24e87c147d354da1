"""``preflight``: what ``up`` would do and meet, with nothing left behind. psql is the judge."""

from __future__ import annotations

import time

import pytest

from confiture.errors import ConfirmationNeeded, StatementFailed

pytestmark = pytest.mark.anyio


@pytest.fixture
def everything(migrations):
    """``everything()``: what of a database a preflight could have changed."""

    def read():
        return migrations.psql(
            "SELECT relname, relfilenode, relkind FROM pg_class WHERE oid > 16383 ORDER BY 1;"
            "SELECT attrelid::regclass, attname, atttypid FROM pg_attribute "
            "WHERE attrelid > 16383 AND attnum > 0 ORDER BY 1, 2"
        )

    return read


def states(report):
    return {one.version: one.state for one in report.migrations}


async def used(migrations, *, rows=5):
    """A database in use: one migration applied, and rows."""
    migrations.sql("001_a", "CREATE TABLE a (id int, code text);", "DROP TABLE a;")
    await migrations.up()
    migrations.psql(f"INSERT INTO a SELECT i, 'c' FROM generate_series(1, {rows}) i")


async def test_what_is_pending_runs_on_a_copy_and_the_database_stays(migrations, preflight, everything):
    await used(migrations)
    migrations.sql("002_b", "ALTER TABLE a ADD COLUMN b int;", "SELECT 1;")
    migrations.sql("003_i", "CREATE INDEX CONCURRENTLY i ON a (b);", "SELECT 1;")
    before = everything()
    report = await preflight()
    assert states(report) == {"002": "would run", "003": "would run"}
    assert (report.stops, report.exit_code) == ((), 0)
    assert everything() == before
    assert migrations.rows() == ["001|up|applied|1"]


async def test_what_would_fail_is_told_with_its_place(migrations, preflight, everything):
    """It refers to what only this database lacks: the project's other databases have it."""
    await used(migrations)
    migrations.psql("ALTER TABLE a DROP COLUMN code")
    migrations.sql("002_ok", "CREATE TABLE b (id int);", "SELECT 1;")
    migrations.sql("003_i", "-- fine\nCREATE INDEX i ON a (code);", "SELECT 1;")
    migrations.sql("004_c", "CREATE TABLE c (id int);", "SELECT 1;")
    before = everything()
    report = await preflight(ignore_drift=True)
    assert states(report) == {"002": "would run", "003": "failed", "004": "not reached"}
    failure = report.migrations[1].failure
    assert failure.where.startswith("db/migrations/003_i.up.sql:2")
    assert "code" in failure.message
    assert (failure.code, report.exit_code) == (StatementFailed.code, StatementFailed.exit_code)
    assert everything() == before


async def test_the_copy_has_what_was_made_by_hand(migrations, preflight, psql):
    """The schema of this very database counts, not what the migrations before promise."""
    await used(migrations)
    migrations.psql(
        "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE by_hand (id int PRIMARY KEY, m mood);"
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT count(*)::int FROM by_hand; END;"
    )
    migrations.sql("002_r", "ALTER TABLE a ADD FOREIGN KEY (id) REFERENCES by_hand; SELECT f();", "SELECT 1;")
    assert states(await preflight()) == {"002": "would run"}


async def test_roles_and_owners_of_the_database_are_made_up_on_the_scratch_server(
    migrations, preflight, server, database, psql
):
    await used(migrations)
    try:
        migrations.psql(
            "CREATE ROLE preflight_owner; CREATE TABLE b (id int); ALTER TABLE b OWNER TO preflight_owner;"
            "CREATE ROLE preflight_reader; GRANT SELECT ON a TO preflight_reader;"
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO preflight_reader"
        )
        migrations.sql("002_c", "CREATE TABLE c (id int); GRANT ALL ON c TO preflight_owner;", "SELECT 1;")
        assert states(await preflight()) == {"002": "would run"}
    finally:
        psql(database, "DROP OWNED BY preflight_owner, preflight_reader; DROP ROLE preflight_owner, preflight_reader")


async def test_all_that_would_stop_up_is_listed(migrations, preflight, everything):
    """``up`` ends at the first: who prepares a release wants to know them all."""
    await used(migrations)
    migrations.psql("ALTER TABLE a ADD COLUMN drifted int")
    migrations.sql("002_b", "ALTER TABLE a DROP COLUMN code;", "SELECT 1;")
    before = everything()
    report = await preflight(environment={"protected": True})
    assert [each.code for each in report.stops] == ["data-loss", "confirmation-needed", "drift"]
    assert states(report) == {"002": "would run"}
    assert report.exit_code == 8
    assert everything() == before


async def test_a_name_that_is_only_to_be_confirmed_is_no_failure(migrations, preflight):
    await used(migrations)
    migrations.sql("002_b", "CREATE TABLE b (id int);", "SELECT 1;")
    report = await preflight(environment={"protected": True})
    assert [each.code for each in report.stops] == ["confirmation-needed"]
    assert report.exit_code == 0


async def test_hazards_and_times_are_those_of_the_live_tables(migrations, preflight):
    await used(migrations, rows=100_000)
    migrations.psql("ANALYZE a")
    migrations.sql("002_b", "ALTER TABLE a ALTER COLUMN id TYPE bigint;", "SELECT 1;")
    (one,) = (await preflight()).migrations
    (statement,) = one.statements
    assert (statement.lock, statement.tables) == ("ACCESS EXCLUSIVE", ("public.a",))
    assert "table-rewrite" in {hazard.kind for hazard in statement.hazards}
    size = int(migrations.psql("SELECT pg_table_size('a')"))
    assert statement.estimated_s == pytest.approx(size / 70_000_000)


async def test_migrations_that_read_are_replayed_and_it_is_said_that_there_are_no_rows(migrations, preflight):
    await used(migrations)
    migrations.python(
        "002_b",
        """
        async def up(self):
            columns = await self.fetch("SELECT 1 FROM pg_attribute WHERE attrelid = 'a'::regclass AND attname = 'code'")
            self.execute(f"ALTER TABLE a ADD COLUMN found_{len(columns)} int")
        """,
    )
    report = await preflight()
    assert [each.sql for each in report.migrations[0].statements] == ["ALTER TABLE a ADD COLUMN found_1 int"]
    assert [note for note in report.notes if "002" in note and "no rows" in note]


async def test_a_migration_that_stopped_half_way_goes_on_where_it_stopped(migrations, preflight):
    migrations.sql("001_a", "CREATE TABLE a (id int);", "SELECT 1;")
    migrations.sql(
        "002_b", "CREATE TABLE b (id int); CREATE INDEX CONCURRENTLY i ON b (id); SELECT 1 / 0;", "SELECT 1;"
    )
    with pytest.raises(StatementFailed):
        await migrations.up()
    migrations.sql(
        "002_b", "CREATE TABLE b (id int); CREATE INDEX CONCURRENTLY i ON b (id); SELECT 1 / 1;", "SELECT 1;"
    )
    report = await preflight()
    assert states(report) == {"002": "would run"}
    assert len(report.migrations[0].statements) == 1


async def test_nothing_pending_is_nothing_to_try(migrations, preflight):
    await used(migrations)
    report = await preflight()
    assert (report.migrations, report.exit_code) == ((), 0)


async def test_for_real_measures_and_takes_all_back(migrations, preflight, everything):
    await used(migrations, rows=50_000)
    slow = "USING CASE id WHEN 1 THEN id + length(pg_sleep(0.2)::text) ELSE id END"
    up = f"ALTER TABLE a ALTER COLUMN id TYPE bigint {slow};\nCREATE TABLE b (id int);"
    migrations.sql("002_b", up, "SELECT 1;")
    migrations.sql("003_i", "CREATE INDEX i ON a (id);", "SELECT 1;")
    before = everything()
    started = time.monotonic()
    report = await preflight(for_real=True)
    took = time.monotonic() - started
    assert states(report) == {"002": "would run", "003": "would run"}
    (alter, create), (index,) = (one.statements for one in report.migrations)
    assert ("AccessExclusiveLock", "public.a") in alter.locks
    assert create.locks == ()
    assert {mode for mode, _ in index.locks} <= {"ShareLock", "AccessShareLock"}
    assert all(each.seconds is not None for each in (alter, create, index))
    assert alter.seconds > 0.2
    assert alter.seconds + create.seconds + index.seconds < took  # each its own
    assert everything() == before
    assert migrations.rows() == ["001|up|applied|1"]


async def test_for_real_says_what_no_transaction_can_try(migrations, preflight, everything):
    await used(migrations)
    migrations.sql("002_i", "CREATE INDEX CONCURRENTLY i ON a (id); CREATE TABLE b (id int);", "SELECT 1;")
    before = everything()
    report = await preflight(for_real=True)
    assert report.not_tried == ("002 (i): CREATE INDEX CONCURRENTLY i ON a (id)",)
    assert [each.sql for each in report.migrations[0].statements] == ["CREATE TABLE b (id int)"]
    assert everything() == before


async def test_for_real_meets_the_rows(migrations, preflight, everything):
    """Which the copy has not: there it would run."""
    await used(migrations)
    migrations.sql("002_u", "CREATE TABLE b (id int);", "SELECT 1;")
    migrations.sql("003_u", "ALTER TABLE a ADD UNIQUE (code);", "SELECT 1;")
    assert (await preflight()).exit_code == 0
    before = everything()
    report = await preflight(for_real=True)
    assert states(report) == {"002": "would run", "003": "failed"}
    assert "could not create unique index" in report.migrations[1].failure.message
    assert report.exit_code == StatementFailed.exit_code
    assert everything() == before


async def test_for_real_asks_for_the_name_of_a_protected_database(migrations, preflight, everything):
    await used(migrations)
    migrations.sql("002_b", "CREATE TABLE b (id int);", "SELECT 1;")
    before = everything()
    with pytest.raises(ConfirmationNeeded):
        await preflight(for_real=True, environment={"protected": True})
    report = await preflight(for_real=True, environment={"protected": True}, confirm=migrations.database.database)
    assert states(report) == {"002": "would run"}
    assert everything() == before


async def test_for_real_ends_where_a_lock_does_not_come(migrations, preflight, kernel_run):
    """The application goes on: a rehearsal waits no longer than a migration would."""
    await used(migrations)
    migrations.sql("002_b", "ALTER TABLE a ADD COLUMN b int;", "SELECT 1;")
    async with kernel_run(migrations.project) as run, run.connect(migrations.database) as other:
        await other.execute("BEGIN; LOCK TABLE a IN ACCESS SHARE MODE")
        report = await preflight(for_real=True, lock_timeout_s=0.1, lock_retry_s=0.0)
    assert states(report) == {"002": "failed"}
    assert (report.migrations[0].failure.code, report.exit_code) == ("busy", 9)


async def test_for_real_writes_no_batches(migrations, preflight):
    """A backfill commits; here it is one statement, and taken back."""
    await used(migrations)
    migrations.python(
        "002_f",
        """
        def up(self):
            self.backfill("a", set="code = 'x'", where="code <> 'x'")
        """,
    )
    report = await preflight(for_real=True)
    assert (states(report), report.not_tried) == ({"002": "would run"}, ())
    assert report.migrations[0].statements[0].seconds is not None
    assert migrations.psql("SELECT DISTINCT code FROM a") == "c"


async def test_what_reads_is_held_to_the_gates_when_its_turn_comes(migrations, preflight, everything):
    """Nobody knows before what it does."""
    await used(migrations)
    migrations.sql("002_b", "CREATE TABLE b (id int);", "SELECT 1;")
    migrations.python(
        "003_r",
        """
        async def up(self):
            await self.fetch("SELECT 1 FROM b")
            self.execute("ALTER TABLE a DROP COLUMN code")
        """,
    )
    before = everything()
    report = await preflight()
    assert (states(report), [each.code for each in report.stops]) == (
        {"002": "would run", "003": "would run"},
        ["data-loss"],
    )
    assert (await preflight(allow_data_loss=True)).stops == ()
    report = await preflight(for_real=True)
    assert states(report) == {"002": "would run", "003": "not reached"}
    assert [note for note in report.notes if "003" in note and "002" in note]
    assert everything() == before


async def test_a_pooled_connection_will_do(migrations, preflight, pooled, everything):
    await used(migrations)
    migrations.sql("002_b", "ALTER TABLE a ADD COLUMN b int;", "SELECT 1;")
    before = everything()
    for values in ({}, {"for_real": True}):
        assert states(await preflight(database=pooled, **values)) == {"002": "would run"}
    assert everything() == before
