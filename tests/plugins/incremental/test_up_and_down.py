"""``up`` and ``down`` on a real server: psql is the judge."""

from __future__ import annotations

import pytest

from confiture.errors import (
    HistoryConflict,
    Irreversible,
    OutcomeUnknown,
    Refused,
    SourceError,
    StatementFailed,
    UsageError,
)

pytestmark = pytest.mark.anyio


async def test_all_that_is_pending_is_applied_and_recorded(migrations):
    migrations.tables("a", "b", "c")
    report = await migrations.up()
    assert [one.version for one in report.migrations] == ["001", "002", "003"]
    assert migrations.public() == ["a", "b", "c"]
    assert migrations.rows() == [f"00{n}|up|applied|1" for n in (1, 2, 3)]


async def test_a_row_says_who_when_from_where_and_how_long(migrations):
    migrations.tables("a")
    await migrations.up()
    said = "applied_by = session_user, host LIKE '%@%', tool_version <> '', duration > '0', applied_at <= now()"
    assert migrations.rows(f"{said}, length(checksum)") == ["t|t|t|t|t|64"]


async def test_a_second_run_finds_nothing_to_do(migrations):
    migrations.tables("a")
    await migrations.up()
    report = await migrations.up()
    assert report.migrations == ()
    assert len(migrations.rows()) == 1


async def test_down_takes_one_back_and_history_keeps_both(migrations):
    migrations.tables("a", "b")
    await migrations.up()
    report = await migrations.down()
    assert [one.version for one in report.migrations] == ["002"]
    assert migrations.public() == ["a"]
    assert migrations.rows() == ["001|up|applied|1", "002|up|applied|1", "002|down|applied|1"]
    await migrations.up()
    assert migrations.public() == ["a", "b"]


@pytest.mark.parametrize(("values", "left"), [
    ({"steps": 2}, ["a"]), ({"target": "001"}, ["a"]), ({"target": "1"}, ["a"]), ({"target": "0"}, []),
    ({"target": "003"}, ["a", "b", "c"]),
])  # fmt: skip
async def test_down_as_far_as_is_asked_for(migrations, values, left):
    migrations.tables("a", "b", "c")
    await migrations.up()
    await migrations.down(**values)
    assert migrations.public() == left


@pytest.mark.parametrize(("values", "made"), [({"steps": 2}, ["a", "b"]), ({"target": "002"}, ["a", "b"])])
async def test_up_as_far_as_is_asked_for(migrations, values, made):
    migrations.tables("a", "b", "c")
    report = await migrations.up(**values)
    assert migrations.public() == made
    assert report.pending == ("003",)


@pytest.mark.parametrize("values", [
    {"target": "9"}, {"target": "x"}, {"steps": 0}, {"steps": 1, "target": "001"}, {"dry_run": True, "fake": True},
])  # fmt: skip
async def test_what_cannot_be_asked_for(migrations, values):
    migrations.tables("a")
    with pytest.raises(UsageError):
        await migrations.up(**values)
    assert migrations.public() == []


async def test_each_migration_is_a_transaction_of_its_own(migrations):
    migrations.tables("a")
    migrations.sql("002_b", "CREATE TABLE b (id int);\nCREATE TABLE b2 (id int);\nSELECT 1 / 0;\n")
    migrations.sql("003_c", "CREATE TABLE c (id int);")
    with pytest.raises(StatementFailed, match="division by zero") as raised:
        await migrations.up()
    assert raised.value.where == "db/migrations/002_b.up.sql:3:1"
    assert migrations.public() == ["a"]
    assert migrations.rows() == ["001|up|applied|1", "002|up|failed|0"]
    assert "division by zero" in migrations.rows("message")[1]
    assert await migrations.states() == {"001": "applied", "002": "failed", "003": "pending"}


async def test_a_single_transaction_is_all_or_nothing(migrations):
    migrations.tables("a", "b")
    migrations.sql("003_c", "CREATE TABLE c (id int); SELECT 1 / 0;")
    with pytest.raises(StatementFailed):
        await migrations.up(single_transaction=True)
    assert migrations.public() == []
    assert migrations.rows() == ["003|up|failed|0"]
    migrations.sql("003_c", "CREATE TABLE c (id int);")
    await migrations.up(single_transaction=True)
    assert migrations.public() == ["a", "b", "c"]
    assert migrations.rows()[1:] == [f"00{n}|up|applied|1" for n in (1, 2, 3)]


async def test_a_single_transaction_refuses_what_cannot_be_part_of_it(migrations):
    migrations.tables("a")
    migrations.sql("002_b", "CREATE INDEX CONCURRENTLY i ON a (id);")
    with pytest.raises(Refused, match="CREATE INDEX CONCURRENTLY"):
        await migrations.up(single_transaction=True)
    assert migrations.public() == []


@pytest.mark.parametrize("single", [False, True])
async def test_a_failure_at_statement_seven_of_ten_leaves_nothing(migrations, single):
    statements = [f"CREATE TABLE t{n} (id int);" for n in range(10)]
    statements[6] = "SELECT nope;"
    migrations.sql("001_ten", "\n".join(statements))
    with pytest.raises(StatementFailed) as raised:
        await migrations.up(single_transaction=single)
    assert raised.value.line == 7
    assert migrations.public() == []
    statements[6] = "CREATE TABLE t6 (id int);"
    migrations.sql("001_ten", "\n".join(statements))
    await migrations.up(single_transaction=single)
    assert len(migrations.public()) == 10


async def test_what_cannot_run_in_a_transaction_runs_outside_and_is_recorded_step_by_step(migrations):
    migrations.sql(
        "001_a",
        "CREATE TABLE a (id int); CREATE INDEX CONCURRENTLY i ON a (id); CREATE TABLE b (); CREATE TABLE c ();",
    )
    report = await migrations.up()
    assert report.migrations[0].statements == 4
    assert migrations.psql("SELECT indexname FROM pg_indexes WHERE tablename = 'a'") == "i"
    assert migrations.rows() == ["001|up|started|1", "001|up|started|2", "001|up|applied|4"]


async def test_a_failure_in_the_middle_is_resumed_at_the_right_statement(migrations):
    index = "CREATE UNIQUE INDEX CONCURRENTLY i ON a (id);"
    migrations.sql("001_a", f"CREATE TABLE a (id int); INSERT INTO a VALUES (1), (1);\n{index}\nCREATE TABLE b ();")
    with pytest.raises(StatementFailed, match="could not create unique index"):
        await migrations.up()
    assert migrations.public() == ["a"]
    assert migrations.rows() == ["001|up|started|2", "001|up|failed|2"]
    assert await migrations.states() == {"001": "half-way"}
    with pytest.raises(HistoryConflict, match="half-way up"):
        await migrations.down()
    migrations.psql("DELETE FROM a WHERE ctid = '(0,1)'")
    report = await migrations.up()
    assert report.migrations[0].resumed_at == 3
    assert migrations.public() == ["a", "b"]
    assert migrations.psql("SELECT count(*) FROM pg_index WHERE indrelid = 'a'::regclass AND indisvalid") == "1"


async def test_what_is_done_may_not_be_edited_what_is_left_may(migrations):
    up = "CREATE TABLE a (id int);\nVACUUM nope;\n"
    migrations.sql("001_a", up)
    with pytest.raises(StatementFailed):
        await migrations.up()
    migrations.sql("001_a", up.replace("id int", "id bigint"))
    with pytest.raises(HistoryConflict, match="the first 1 statements"):
        await migrations.up()
    migrations.sql("001_a", up.replace("nope", "a"))
    await migrations.up()
    assert await migrations.states() == {"001": "applied"}


async def test_a_call_that_was_cut_is_not_guessed(migrations):
    migrations.psql("CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1 / 0'")
    migrations.python("001_a", 'def up(self):\n    self.execute("CALL p()", transactional=False)\n')
    for _ in range(2):  # the server said that it failed
        with pytest.raises(StatementFailed):
            await migrations.up()
    migrations.psql("DELETE FROM confiture.confiture_migrations WHERE state = 'failed'")  # as a kill leaves it
    with pytest.raises(OutcomeUnknown):
        await migrations.up()


async def test_an_edited_file_is_detected(migrations):
    migrations.tables("a", "b")
    await migrations.up(steps=1)
    migrations.sql("001_a", "CREATE TABLE a (id bigint);")
    with pytest.raises(HistoryConflict, match="was edited since it was applied"):
        await migrations.up()
    assert (await migrations.states())["001"] == "edited"


async def test_line_ends_are_no_edit(migrations):
    migrations.sql("001_a", "CREATE TABLE a\n(id int);\n")
    await migrations.up()
    migrations.sql("001_a", "CREATE TABLE a\r\n(id int);\r\n")
    assert (await migrations.up()).migrations == ()


async def test_a_file_out_of_order_is_named_or_allowed(migrations):
    migrations.project.config("[migrations]\nallow_gaps = true\n")
    migrations.sql("001_a", "CREATE TABLE a ();")
    migrations.sql("003_c", "CREATE TABLE c ();")
    await migrations.up()
    migrations.sql("002_b", "CREATE TABLE b ();")
    with pytest.raises(HistoryConflict, match=r"002_b.*pending.*'003' is applied"):
        await migrations.up()
    assert (await migrations.states())["002"] == "out of order"
    await migrations.up(allow_out_of_order=True)
    assert migrations.public() == ["a", "b", "c"]


async def test_a_gap_is_named(migrations):
    migrations.sql("001_a", "CREATE TABLE a ();")
    migrations.sql("004_d", "CREATE TABLE d ();")
    with pytest.raises(HistoryConflict, match=r"002, 003 is missing between"):
        await migrations.up()
    assert migrations.public() == []


async def test_timestamps_have_no_gaps(migrations):
    migrations.sql("20260101000000_a", "CREATE TABLE a ();")
    migrations.sql("20260301000000_b", "CREATE TABLE b ();")
    await migrations.up()
    assert migrations.public() == ["a", "b"]


async def test_a_file_that_is_gone_stops_unless_the_database_is_ahead(migrations):
    """An older release that starts against a newer database has nothing to do, and says so."""
    migrations.tables("a", "b")
    await migrations.up()
    gone = migrations.project.root / "db/migrations"
    for path in gone.glob("002*"):
        path.unlink()
    report = await migrations.up()
    assert "002" in report.notes[0]
    migrations.sql("003_c", "CREATE TABLE c ();")
    with pytest.raises(HistoryConflict, match="its file is gone"):
        await migrations.up()
    with pytest.raises(HistoryConflict, match="its file is gone"):
        await migrations.down()


async def test_a_missing_way_back_is_told_before_anything_is_touched(migrations):
    migrations.tables("a")
    migrations.sql("002_b", "CREATE TABLE b ();")
    await migrations.up()
    with pytest.raises(Irreversible):
        await migrations.down(steps=2)
    assert migrations.public() == ["a", "b"]


async def test_a_down_that_fails_leaves_it_applied(migrations):
    migrations.sql("001_a", "CREATE TABLE a (id int);", "DROP TABLE a;\nDROP TABLE nope;")
    await migrations.up()
    with pytest.raises(StatementFailed) as raised:
        await migrations.down()
    assert raised.value.where == "db/migrations/001_a.down.sql:2:1"
    assert migrations.public() == ["a"]
    assert await migrations.states() == {"001": "applied"}
    assert migrations.rows() == ["001|up|applied|1", "001|down|failed|0"]


async def test_a_migration_that_does_nothing_is_no_migration(migrations):
    migrations.sql("001_a", "-- WARNING: no SQL\n")
    with pytest.raises(SourceError, match="does nothing"):
        await migrations.up()
    assert migrations.psql("SELECT to_regclass('confiture.confiture_migrations')") == ""


async def test_faked_ones_are_recorded_and_not_run(migrations):
    migrations.tables("a", "b")
    await migrations.up(fake=True, steps=1)
    await migrations.up()
    assert migrations.public() == ["b"]
    assert migrations.rows("version, state") == ["001|faked", "002|applied"]


async def test_a_dry_run_shows_the_sql_and_touches_nothing(migrations):
    migrations.tables("a", "b")
    report = await migrations.up(dry_run=True)
    assert "CREATE TABLE a (id int);" in report.sql
    assert migrations.public() == []
    assert migrations.psql("SELECT count(*) FROM pg_namespace WHERE nspname = 'confiture'") == "0"


async def test_a_script_does_for_psql_what_up_would_do(migrations, new_database, psql):
    migrations.tables("a", "b")
    migrations.sql(
        "003_c", "COPY a FROM stdin;\n1\n2\n\\.\nCREATE INDEX CONCURRENTLY i ON a (id);\nCREATE TABLE c ();\n"
    )
    report = await migrations.up(script="out/all.sql")
    assert report.migrations[0].state == "not run"
    assert migrations.public() == []
    migrations.psql((migrations.project.root / "out/all.sql").read_text())
    assert migrations.public() == ["a", "b", "c"]
    assert migrations.psql("SELECT sum(id) FROM a") == "3"
    assert await migrations.states() == dict.fromkeys(("001", "002", "003"), "applied")
    assert (await migrations.up()).migrations == ()


async def test_a_rehearsal_runs_and_takes_everything_back(migrations):
    migrations.tables("a")
    migrations.sql("002_b", "CREATE TABLE b (id int); CREATE INDEX CONCURRENTLY i ON b (id);")
    report = await migrations.up(dry_run_execute=True)
    assert report.not_tried == ("002 (b): CREATE INDEX CONCURRENTLY i ON b (id)",)
    assert migrations.public() == []
    migrations.sql("003_c", "SELECT 1 / 0;")
    with pytest.raises(StatementFailed):
        await migrations.up(dry_run_execute=True)
    assert migrations.psql("SELECT count(*) FROM pg_namespace WHERE nspname = 'confiture'") == "0"


async def test_an_async_migration_reads_before_it_writes(migrations):
    migrations.psql("CREATE TABLE tenants (name text); INSERT INTO tenants VALUES ('x'), ('y')")
    migrations.python(
        "001_tenants",
        """
        loses_data = ("down",)

        async def up(self):
            for row in await self.fetch("SELECT name FROM tenants WHERE name <> $1 ORDER BY 1", "z"):
                self.execute(f"CREATE TABLE tenant_{row['name']} ()")

        async def down(self):
            for row in await self.fetch("SELECT name FROM tenants"):
                self.execute(f"DROP TABLE tenant_{row['name']}")
        """,
    )
    await migrations.up()
    assert migrations.public() == ["tenant_x", "tenant_y", "tenants"]
    await migrations.down()
    assert migrations.public() == ["tenants"]


async def test_an_async_migration_reads_what_the_one_before_it_wrote(migrations):
    migrations.sql("001_a", "CREATE TABLE a AS SELECT 'made' AS name;")
    migrations.python(
        "002_b",
        """
        async def up(self):
            [row] = await self.fetch("SELECT name FROM a")
            self.execute(f"CREATE TABLE {row[0]} ()")
        """,
    )
    report = await migrations.up(dry_run=True)
    assert "002 (b) reads the database" in report.notes[0]
    with pytest.raises(Refused, match="is to be run before it"):
        await migrations.up(single_transaction=True)
    await migrations.up()
    assert migrations.public() == ["a", "made"]


async def test_an_async_migration_may_not_write_while_it_reads(migrations):
    migrations.python("001_a", 'async def up(self):\n    await self.fetch("CREATE TABLE sneaky ()")\n')
    with pytest.raises(SourceError, match="read-only transaction"):
        await migrations.up()
    assert migrations.public() == []


async def test_a_session_setting_ends_with_its_migration(migrations):
    migrations.sql("001_a", "CREATE SCHEMA s; SET search_path = s; CREATE TABLE a ();")
    migrations.sql("002_b", "CREATE TABLE b ();")
    migrations.sql("003_c", "SET LOCAL search_path = s; CREATE TABLE c ();")
    await migrations.up()
    where = "SELECT schemaname || '.' || tablename FROM pg_tables WHERE tablename IN ('a', 'b', 'c') ORDER BY tablename"
    assert migrations.psql(where).split() == ["s.a", "public.b", "s.c"]


async def test_transaction_control_in_a_migration_is_refused(migrations):
    migrations.sql("001_a", "BEGIN; CREATE TABLE a (); COMMIT;")
    with pytest.raises(SourceError, match="a migration cannot hold transaction control"):
        await migrations.up()


async def test_a_value_added_to_an_enum_may_be_used_in_the_same_migration(migrations):
    migrations.psql("CREATE TYPE e AS ENUM ('a')")
    migrations.sql("001_a", "CREATE TABLE before (); ALTER TYPE e ADD VALUE 'b'; CREATE TABLE t (e e DEFAULT 'b');")
    await migrations.up()
    assert migrations.public() == ["before", "t"]
    assert migrations.rows() == ["001|up|started|2", "001|up|applied|3"]


async def test_hooks_run_before_and_after(migrations):
    migrations.project.config('[incremental]\nbefore_up = ["db/hooks/a.sql"]\nafter_up = ["db/hooks/b.py"]\n')
    migrations.project.write("db/hooks/a.sql", "CREATE TABLE before ();")
    hook = """
async def run(ctx, connection):
    await connection.execute("CREATE TABLE after AS SELECT count(*) FROM a")
"""
    migrations.project.write("db/hooks/b.py", hook)
    migrations.tables("a")
    await migrations.up()
    assert migrations.public() == ["a", "after", "before"]
    await migrations.up()  # nothing to do: no hook


async def test_seeds_go_into_a_new_database_once(migrations):
    migrations.project.config('[incremental]\nseeds = "empty"\n')
    migrations.project.seed("a.sql", "INSERT INTO a VALUES (7);")
    migrations.tables("a")
    await migrations.up()
    migrations.sql("002_b", "CREATE TABLE b ();")
    await migrations.up()
    assert migrations.psql("SELECT * FROM a") == "7"


async def test_the_tracking_table_may_have_another_name(migrations):
    migrations.project.config('[migrations]\nschema = "public"\ntable = "My history"\n')
    migrations.tables("a")
    await migrations.up()
    assert migrations.psql('SELECT version FROM public."My history"') == "001"
    assert (await migrations.up()).migrations == ()


async def test_history_tells_everything_newest_first(migrations):
    migrations.tables("a")
    await migrations.up()
    await migrations.down()
    report = await migrations.run("history")
    assert [(one.version, one.direction, one.state) for one in report.events] == [
        ("001", "down", "applied"), ("001", "up", "applied"),
    ]  # fmt: skip
    assert (await migrations.run("history", limit=1)).events == report.events[:1]
    assert (await migrations.run("history", version="9")).events == ()


async def test_a_database_that_has_it_all_is_told_of_baseline(migrations):
    """As after a build from before there were migrations."""
    migrations.tables("a")
    migrations.psql("CREATE TABLE a (id int)")
    with pytest.raises(StatementFailed) as raised:
        await migrations.up()
    assert "`confiture migrate baseline`" in raised.value.hint
    await migrations.run("baseline")
    assert (await migrations.up()).migrations == ()
