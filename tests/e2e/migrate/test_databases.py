"""Databases that are not quite what is expected: a replica, read-only, an older or newer history, a pooler, 15."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from confiture.errors import HistoryConflict, Refused
from confiture.migrations.tracking import LAYOUT
from e2e.migrate.conftest import HISTORY, LOG, wait_for
from e2e.migrate.servers import OwnServer

pytestmark = pytest.mark.anyio


@pytest.fixture
def one(project):
    project.write("db/migrations/001_a.up.sql", "CREATE TABLE a (id int);")
    project.write("db/migrations/001_a.down.sql", "DROP TABLE a;")
    return project


async def test_a_replica_is_refused_with_its_name(one, kernel_run, own_server, own_database, psql):
    """It is named before anything is tried; ``status`` may look at it."""
    standby = OwnServer(of=own_server)
    try:
        replica = standby.target.with_database(own_database.database)
        async with kernel_run(one, database=replica) as run:
            with pytest.raises(Refused) as raised:
                await run.start("up")
            assert (await run.start("status")).pending == 1
        said = f"the database {own_database.database!r} of 'local' (socket {standby.folder}) is a read-only replica"
        assert raised.value.message == said
        assert raised.value.exit_code == 8
    finally:
        standby.end()


@pytest.mark.parametrize("where", ["DATABASE", "ROLE"])
async def test_a_read_only_database_is_refused_with_its_name(one, kernel_run, database, psql, where):
    target = database
    if where == "ROLE":
        psql(database, f"CREATE ROLE {database.database}_ro LOGIN SUPERUSER")
        target = type(database)(label="ro", params={**database.params, "user": f"{database.database}_ro"})
    name = target.params["user"] if where == "ROLE" else target.database
    psql(database, f"ALTER {where} {name} SET default_transaction_read_only = on")
    try:
        async with kernel_run(one, database=target) as run:
            with pytest.raises(Refused, match=rf"the database {database.database!r} .* is read-only"):
                await run.start("up")
    finally:
        psql(database, f"SET default_transaction_read_only = off; ALTER {where} {name} RESET ALL;")
        if where == "ROLE":
            psql(database, f"DROP ROLE {name}")


OLD = """
CREATE TABLE confiture_migrations (
    id serial PRIMARY KEY, version varchar(255) NOT NULL UNIQUE, name varchar(255) NOT NULL,
    applied_at timestamp NOT NULL DEFAULT now(), execution_time_ms int, checksum varchar(64));
INSERT INTO confiture_migrations (version, name) VALUES ('001', 'a');
CREATE TABLE a (id int);
"""


async def test_an_older_history_is_upgraded_and_gone_on_with(one, kernel_run, database, psql):
    one.config('[migrations]\nschema = "public"\n')
    one.write("db/migrations/002_b.up.sql", "CREATE TABLE b (id int);")
    one.write("db/migrations/002_b.down.sql", "DROP TABLE b;")
    psql(database, OLD)
    notes = []
    async with kernel_run(one, observers=[notes.append]) as run:
        assert [each.state for each in (await run.start("status")).migrations] == ["applied", "pending"]
        report = await run.start("up")
        assert [each.version for each in report.migrations] == ["002"]
        assert (await run.start("up")).migrations == ()
        assert [each.version for each in (await run.start("down", steps=2)).migrations] == ["002", "001"]
    assert any("present layout" in getattr(note, "message", "") for note in notes)
    rows = "SELECT version, direction, state FROM confiture_migrations ORDER BY id"
    assert psql(database, rows).split() == ["001|up|applied", "002|up|applied", "002|down|applied", "001|down|applied"]


async def test_a_newer_history_is_left_alone(one, kernel_run, database, psql):
    async with kernel_run(one) as run:
        await run.start("up")
    comment = psql(database, "SELECT obj_description('confiture.confiture_migrations'::regclass)")
    newer = comment.replace(f"layout {LAYOUT}", "layout 99")
    psql(database, f"COMMENT ON TABLE confiture.confiture_migrations IS $${newer}$$")
    one.write("db/migrations/002_b.up.sql", "CREATE TABLE b (id int);")
    async with kernel_run(one) as run:
        for medium in ("up", "down", "status"):
            with pytest.raises(HistoryConflict, match="layout 99"):
                await run.start(medium)
    assert psql(database, "SELECT to_regclass('b'), to_regclass('a')") == "|a"


async def test_through_a_transaction_pooler(history, kernel_run, pooled, undisturbed, database):
    """There is no lock, and a warning says so."""
    notes = []
    async with kernel_run(history, database=pooled, observers=[notes.append]) as run:
        await run.start("up")
    assert any("transaction-mode pooler: no lock" in getattr(note, "message", "") for note in notes)
    undisturbed(database)


def test_limits_that_are_meant_for_the_application(project, confiture, own_server, own_database, psql):
    """A migration takes as long as it takes, and the session that waits with the lock is not ended."""
    limits = ("statement_timeout", "lock_timeout", "idle_session_timeout", "idle_in_transaction_session_timeout")
    for name in limits:
        # Within the longer one a process of ours comes to its next statement also on a machine that is busy.
        psql(own_database, f"ALTER SYSTEM SET {name} = '{'3s' if 'idle' in name else '900ms'}'")
    psql(own_database, "SELECT pg_reload_conf()")
    unlimited = " ".join(f"-c {name}=0" for name in limits)
    ours = replace(own_database, params={**own_database.params, "options": unlimited})
    project.write("db/migrations/001_a.up.sql", "SELECT pg_sleep(3.3);\nCREATE TABLE a (id int);\nVACUUM a;\n")
    project.write("db/migrations/002_b.up.sql", "DO $$BEGIN PERFORM pg_sleep(1.2); END$$;\nCREATE TABLE b ();\n")
    try:
        process = confiture(project.root, own_database)
        assert process.wait() == 0, process.errors
    finally:
        for name in limits:
            psql(ours, f"ALTER SYSTEM RESET {name}")
        psql(ours, "SELECT pg_reload_conf()")


def test_postgresql_15(history, confiture, debian_server, psql):
    """All of it, killed in the middle and gone on with, taken back."""
    target = debian_server.target
    psql(target, "CREATE TABLE gate ()")
    history.write("db/migrations/009_gate.up.sql", "CREATE TABLE half ();\nSELECT pg_sleep(60);\n")
    history.write("db/migrations/009_gate.down.sql", "DROP TABLE half;\n")
    process = confiture(history.root, target)
    sleeps = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    wait_for(lambda: psql(target, sleeps))
    process.kill()
    psql(target, f"SELECT pg_terminate_backend(({sleeps}))")
    history.write("db/migrations/009_gate.up.sql", "CREATE TABLE half ();\n")
    again = confiture(history.root, target)
    assert again.wait() == 0, again.errors
    assert psql(target, "SELECT string_agg(what, ',' ORDER BY what) FROM log") == LOG
    assert psql(target, "SELECT count(*), sum(n) FROM a") == "500|250500"
    assert psql(target, "SELECT to_regclass('half') IS NOT NULL") == "t"
    down = confiture(history.root, target, command="down")
    assert down.wait() == 0, down.errors
    assert psql(target, "SELECT to_regclass('half') IS NULL") == "t"
    states = "SELECT count(*) FROM confiture.confiture_migrations WHERE state = 'applied'"
    assert psql(target, states) == str(len(HISTORY) + 2)
