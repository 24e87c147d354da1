"""``migrate up`` is killed with SIGKILL, between statements and in the middle of one, and run again."""

from __future__ import annotations

import signal

import pytest

from e2e.migrate.conftest import wait_for

pytestmark = pytest.mark.anyio

BUSY = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def sessions(psql, target):
    return psql(target, SESSIONS)


@pytest.mark.parametrize(("turn", "action"), [
    ("CREATE TABLE log", "before"), ("INSERT INTO log VALUES ('001')", "during"),
    ("CREATE UNIQUE INDEX CONCURRENTLY", "during"), ("DROP INDEX CONCURRENTLY", "after"),
    ("ADD VALUE", "during"), ("VACUUM", "after"), ("COPY log", "during"), ("UPDATE ONLY a", "after"),
])  # fmt: skip
def test_a_killed_process_is_made_good_by_the_next(
    history, confiture, holding_wire, undisturbed, database, turn, action
):
    """The wire holds the process exactly there, so that it is killed there."""
    holding_wire.arm(lambda number, text: action if turn in text else "pass")
    process = confiture(history.root, holding_wire.target)
    assert holding_wire.reached.wait(30), process.running
    process.kill()
    again = confiture(history.root, database)
    assert again.wait() == 0, again.errors
    undisturbed(database)


@pytest.mark.parametrize("index", ["a_n ON a", "a_mixed ON a"])
def test_killed_in_the_middle_of_a_concurrent_build(history, confiture, undisturbed, database, psql, index):
    """The server works on without its client: the next run waits for it, then looks at what it left."""
    history.write("db/migrations/001_tables.up.sql", _with_trap(history))
    name = index.partition(" ")[0]
    holder = _Holder(database)
    process = confiture(history.root, database, "--lock-timeout", "30", environment={"PGOPTIONS": ""})
    wait_for(lambda: psql(database, "SELECT to_regclass('confiture.confiture_migrations')") and holder.hold(name))
    wait_for(lambda: psql(database, f"SELECT count(*) FROM pg_class WHERE relname = '{name}'") == "1", 30)
    process.kill()
    again = confiture(history.root, database)
    wait_for(lambda: again.running and int(sessions(psql, database)) >= 2)
    holder.let_go()
    assert again.wait() == 0, again.errors
    undisturbed(database)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_in_the_middle_of_a_statement(history, confiture, undisturbed, database, psql, number):
    """What was in a transaction is taken back, no session stays, and the row says so."""
    psql(database, "CREATE TABLE log (what text)")
    history.write("db/migrations/001_tables.up.sql", "INSERT INTO log VALUES ('slow');\nSELECT pg_sleep(60);\n")
    process = confiture(history.root, database)
    wait_for(lambda: psql(database, f"{SESSIONS} AND wait_event = 'PgSleep'") == "1")
    process.send(number)
    assert process.wait() == 130
    assert "Traceback" not in process.errors
    wait_for(lambda: sessions(psql, database) == "0")
    assert psql(database, "SELECT count(*) FROM log") == "0"
    rows = psql(database, "SELECT state, statements, message FROM confiture.confiture_migrations")
    assert rows == "failed|0|cancelled"
