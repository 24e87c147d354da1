"""``migrate up`` is killed with SIGKILL, between statements and in the middle of one, and run again."""

from __future__ import annotations

import signal

import pytest

from e2e.migrate.conftest import wait_for

pytestmark = pytest.mark.anyio

BUSY = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.mark.parametrize(("turn", "action"), [
    ("INSERT INTO log VALUES ('001')", "during"), ("DROP INDEX CONCURRENTLY", "after"), ("ADD VALUE", "during"),
    ("COPY log", "during"), ("UPDATE ONLY a", "after"),
])  # fmt: skip
def test_a_killed_process_is_made_good_by_the_next(
    history, confiture, holding_wire, undisturbed, database, turn, action
):
    """The wire holds the process exactly there, so that it is killed there."""
    holding_wire.arm(lambda number, text: action if turn in text else "pass")
    process = confiture(history.root, holding_wire.target)
    assert holding_wire.reached.wait(60), process.running
    process.kill()
    again = confiture(history.root, database)
    assert again.wait() == 0, again.errors
    undisturbed(database)


@pytest.fixture
async def in_the_way(history, kernel_run, database, psql):
    """The first migration is applied, and a transaction is open that a concurrent build has to wait for."""
    async with kernel_run(history) as run, run.connect(database) as connection:
        await run.start("up", steps=1)
        await connection.execute("BEGIN; LOCK TABLE a IN ROW EXCLUSIVE MODE")
        yield connection


@pytest.mark.parametrize("end", ["finishes", "is ended"])
async def test_killed_in_the_middle_of_a_concurrent_build(
    history, confiture, in_the_way, undisturbed, database, psql, end
):
    """The server works on without its client: the next run waits for that, and then looks at what it left."""
    process = confiture(history.root, database)
    building = f"SELECT pid FROM {BUSY.partition('FROM')[2]} AND query LIKE 'CREATE INDEX CONCURRENTLY%'"
    wait_for(lambda: psql(database, building))
    process.kill()
    again = confiture(history.root, database, "--format", "json", "--verbose")
    wait_for(lambda: int(psql(database, SESSIONS)) == 3)
    if end == "finishes":
        await in_the_way.execute("ROLLBACK")
    else:
        psql(database, f"SELECT pg_terminate_backend(({building}))")
        await in_the_way.execute("ROLLBACK")
    assert again.wait() == 0, again.errors
    assert again.json()["migrations"][0]["resumed_at"] == 1
    await in_the_way.close()
    undisturbed(database)


async def test_killed_while_the_commit_is_still_to_come(project, confiture, kernel_run, database, psql):
    """It was sent along: the server commits for a client that is gone. Who reads the history sooner runs it again."""
    psql(database, "CREATE TABLE gate ()")
    project.write("db/migrations/001_a.up.sql", "CREATE TABLE a (id int);\nLOCK TABLE gate;\n")
    async with kernel_run(project) as run, run.connect(database) as holder:
        await holder.execute("BEGIN; LOCK TABLE gate")
        process = confiture(project.root, database, "--lock-timeout", "60")
        wait_for(lambda: psql(database, BUSY) == "1")
        process.kill()
        again = confiture(project.root, database, "--format", "json")
        wait_for(lambda: int(psql(database, f"{SESSIONS} AND query LIKE '%pg_try_advisory_lock%'")) == 1)
        await holder.execute("ROLLBACK")
    assert again.wait() == 0, again.errors
    assert again.json()["migrations"] == []
    assert psql(database, "SELECT state FROM confiture.confiture_migrations") == "applied"


async def test_ctrl_c_in_the_middle_of_a_concurrent_build(history, confiture, in_the_way, undisturbed, database, psql):
    """The half-built index is dropped, nobody is left at work, and the next run builds it."""
    process = confiture(history.root, database)
    wait_for(lambda: psql(database, f"{BUSY} AND query LIKE 'CREATE INDEX CONCURRENTLY%'") == "1")
    process.send(signal.SIGINT)
    wait_for(lambda: psql(database, f"{BUSY} AND query LIKE 'DROP INDEX CONCURRENTLY%'") == "1")
    await in_the_way.close()
    assert process.wait() == 130
    wait_for(lambda: psql(database, SESSIONS) == "0")
    assert psql(database, "SELECT to_regclass('a_n')") == ""
    again = confiture(history.root, database)
    assert again.wait() == 0, again.errors
    undisturbed(database)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_in_the_middle_of_a_statement(project, confiture, database, psql, number):
    """What was in a transaction is taken back, no session stays, and the row says so."""
    psql(database, "CREATE TABLE log (what text)")
    project.write("db/migrations/001_slow.up.sql", "INSERT INTO log VALUES ('slow');\nSELECT pg_sleep(60);\n")
    process = confiture(project.root, database)
    wait_for(lambda: psql(database, f"{SESSIONS} AND wait_event = 'PgSleep'") == "1")
    process.send(number)
    assert process.wait() == 130
    assert "Traceback" not in process.errors
    wait_for(lambda: psql(database, SESSIONS) == "0")
    assert psql(database, "SELECT count(*) FROM log") == "0"
    rows = psql(database, "SELECT state, statements, message FROM confiture.confiture_migrations")
    assert rows == "failed|0|cancelled"


@pytest.mark.parametrize("turn", ["DROP INDEX CONCURRENTLY", "CREATE TABLE old"])
def test_a_killed_down_is_gone_on_with_by_down_only(project, confiture, holding_wire, database, psql, turn):
    """Half-way down it is neither applied nor taken back: ``up`` says so, ``down`` goes on."""
    project.write("db/migrations/001_a.up.sql", "CREATE TABLE a (id int);\nCREATE INDEX i ON a (id);\n")
    down = "DROP INDEX CONCURRENTLY i;\nDROP TABLE a;\nCREATE TABLE old ();\n"
    project.write("db/migrations/001_a.down.sql", down)
    assert confiture(project.root, database).wait() == 0
    holding_wire.arm(lambda number, text: "during" if turn in text else "pass")
    process = confiture(project.root, holding_wire.target, command="down")
    assert holding_wire.reached.wait(60), process.running
    process.kill()
    states = "SELECT state FROM confiture.confiture_migrations WHERE direction = 'down' ORDER BY id"
    wait_for(lambda: psql(database, SESSIONS) == "0")  # the server's process may not have begun with it yet
    if psql(database, states).split()[-1] != "applied":
        up = confiture(project.root, database)
        assert up.wait() == 8
        assert "half-way down" in up.errors
        again = confiture(project.root, database, "--format", "json", command="down")
        assert again.wait() == 0, again.errors
        assert len(again.json()["migrations"]) == 1
    assert psql(database, states).split()[-1] == "applied"
    assert psql(database, "SELECT to_regclass('i'), to_regclass('a'), to_regclass('old')") == "||old"
    assert psql(database, states).split().count("applied") == 1
