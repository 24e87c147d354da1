"""A bank moves while money is moved, and what has changed is read out of the WAL. Judged by psql."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import anyio
import asyncpg
import pytest
from anyio import to_thread

import pgserver
from confiture.config.dsn import to_uri
from confiture.errors import Busy, CaptureBroken, Refused
from confiture.model import Target
from conftest import ProjectFolder, run_psql
from e2e.schema_to_schema.bank import MAP, NEW, OLD, Writers, mirror_differs
from e2e.schema_to_schema.faults import until
from e2e.schema_to_schema.live import LONG_OPEN, Bank, gone, kill, sides
from e2e.schema_to_schema.live import following as following_process
from e2e.schema_to_schema.moves import dump
from logical import logical_server, until_commits_wait
from plugins.schema_to_schema.following.conftest import MAP as RICH_MAP
from plugins.schema_to_schema.following.conftest import NEW as NEW_OF_RICH_MAP
from plugins.schema_to_schema.following.conftest import Following

CONFIG = '[schema-to-schema]\nstrategy = "copy"\ncapture = "slot"\njobs = 1\n'
#: Where it is waited for in vain.
IMPATIENT = CONFIG + "[slot]\ncreate_s = 0.5\n"
#: So much WAL is written, and what is not needed thrown away; and what is left to the slot.
LOSE = """
SELECT txid_current(), pg_switch_wal(); CHECKPOINT;
SELECT wal_status FROM pg_replication_slots
"""
#: A cutover that is killed when it is decided, before the old database is captured no more.
KILLED = """
import asyncio, os, signal
from pathlib import Path
from confiture.kernel import Kernel

def kill(event):
    if getattr(event, "step", "") == "schema-to-schema.cutover.complete":
        os.kill(os.getpid(), signal.SIGKILL)

async def cutover():
    async with Kernel(Path.cwd(), observers=[kill]).run(env="production") as run:
        await run.start("schema-to-schema-cutover", max_seconds=60)

asyncio.run(cutover())
"""
_counter = itertools.count()


@pytest.fixture(scope="module")
def logical() -> Iterator[Target]:
    with logical_server(older=True) as target:  # the provider's own tests have the newest
        yield target


@pytest.fixture
def pair(logical: Target) -> Iterator[tuple[Target, Target]]:
    """Both databases belong to a role that may replicate, and is no superuser."""
    number = next(_counter)
    run_psql(logical, f"CREATE ROLE owner{number} LOGIN REPLICATION NOSUPERUSER NOCREATEDB NOCREATEROLE")
    names = (f"old{number}", f"new{number}")
    for name in names:
        run_psql(logical, f"CREATE DATABASE {name} OWNER owner{number}")
    params = {**logical.params, "user": f"owner{number}"}
    old, new = (Target(label="plain", params={**params, "dbname": name}) for name in names)
    yield old, new
    for name in names:
        run_psql(logical, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    run_psql(logical, f"DROP ROLE owner{number}")


@pytest.fixture
def bank(project: ProjectFolder, pair: tuple[Target, Target]) -> Iterator[Bank]:
    project.config(CONFIG)
    made = Bank(project, *pair)
    made.on_source(OLD)
    made.on_target(NEW)
    made.map(MAP)
    yield made
    for process in made.processes:
        kill(process)


@pytest.fixture
def following(project: ProjectFolder, pair: tuple[Target, Target], kernel_run: Any) -> Following:
    project.config(CONFIG)
    project.write("db/migration_map.yaml", RICH_MAP)
    return Following(project, iter(pair).__next__, kernel_run)


def slots(bank: Bank | Following) -> list[str]:
    """The databases that have one, and those that have a publication."""
    found = run_psql(bank.source, "SELECT database FROM pg_replication_slots ORDER BY 1").split()
    return found + [
        f"{side.database} publishes"
        for side in (bank.source, bank.target)
        if run_psql(side, "SELECT count(*) FROM pg_publication") != "0"
    ]


def run(bank: Bank, *phase: str, **values: Any) -> Any:
    """Its report. In this process, which is quicker than a command."""
    return anyio.run(partial(bank.start, "-".join(("schema-to-schema", *phase)), **values))


def cross(bank: Bank, phase: str) -> None:
    """Until no writer has been open for long, which the tool wants to be waited for: the machine held him up."""
    while True:
        try:
            report = run(bank, phase, max_seconds=60)
        except Busy as busy:
            if LONG_OPEN not in busy.message:
                raise
        else:
            assert report.exit_code == 0
            return


@contextmanager
def open_writer(logical: Target) -> Iterator[int]:
    """A session that writes in another database, and does not end; its process."""
    command = [pgserver.binaries() / "psql", "-XqAt", "-d", to_uri(logical.params)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("BEGIN;\nSELECT pg_backend_pid() WHERE txid_current() > 0;\n")
        process.stdin.flush()
        yield int(process.stdout.readline())
        process.stdin.close()


@contextmanager
def setting(logical: Target, name: str, value: str) -> Iterator[None]:
    """Of the whole logical, for a while."""
    run_psql(logical, f"ALTER SYSTEM SET {name} = '{value}'")
    run_psql(logical, "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        run_psql(logical, f"ALTER SYSTEM RESET {name}")
        run_psql(logical, "SELECT pg_reload_conf()")


def test_a_bank_moves_and_comes_back(bank: Bank) -> None:
    old, new = sides(bank)
    before = dump(bank.source)
    with Writers((old, new)) as writers:
        run(bank)
        process = following_process(bank)
        writers.until_more(8)
        bank.on_source('BEGIN; TRUNCATE "Odd ""T"".x"; INSERT INTO "Odd ""T"".x" VALUES (40, 1, 1); COMMIT')
        writers.until_more()
        assert run(bank, "validate").exit_code == 0
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    gone(bank, process)
    run(bank, "follow", until_caught_up=True)
    assert mirror_differs(bank.source, bank.target) == {}
    bank.on_source("UPDATE accounts SET owner = 'by hand' WHERE id = 3")
    assert mirror_differs(bank.source, bank.target) == {"holders": 2}
    with Writers((old, new), log=writers.log) as writers:
        process = following_process(bank)
        cross(bank, "cutover")
        assert process.wait(30) == 0, process.communicate()
        writers.until_at(1)
        assert int(new.sql("SELECT sum(amount) FROM holders")) == 3000
        assert slots(bank) == [bank.target.database, f"{bank.target.database} publishes"]
        cross(bank, "rollback")
        writers.until_at(0)
    assert writers.told == {"25006"}
    assert old.wrong_books(writers.log) == 0
    assert slots(bank) == [bank.source.database, f"{bank.source.database} publishes"]
    run(bank, "cleanup")
    assert dump(bank.source) == before
    assert slots(bank) == []
    schemas = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)'"
    assert [side.sql(schemas) for side in (old, new)] == ["public", "public"]


@pytest.mark.anyio
async def test_nothing_is_read_early_or_passed_over(following: Following, logical: Target, database: Target) -> None:
    await _what_cannot_lead_back_is_not_begun(following, database)
    await _nobody_is_in_the_way_of_writers(following, logical)
    await _a_commit_that_cannot_be_seen_is_waited_for(following, logical)
    await _the_wal_of_others_is_given_free(following, logical)
    await _what_is_lost_is_never_gone_on_with(following, logical)


async def _what_cannot_lead_back_is_not_begun(following: Following, database: Target) -> None:
    """The new database is on a server of another ``wal_level``: a cutover would be refused, after the copy."""
    run_psql(database, NEW_OF_RICH_MAP)
    following.project.environment_for(database, "production_new")
    with pytest.raises(Refused, match="wal_level is 'minimal'"):
        await following.start()
    assert slots(following) == []
    following.project.environment_for(following.target, "production_new")


async def _nobody_is_in_the_way_of_writers(following: Following, logical: Target) -> None:
    """A slot waits for all who write, in whatever database; nobody waits for it."""
    writer = await asyncpg.connect(to_uri(logical.params))
    ended = anyio.Event()
    following.project.config(IMPATIENT)

    async def start() -> None:
        with pytest.raises(Busy, match=f"server process {writer.get_server_pid()}"):
            await following.start()
        ended.set()

    async with writer.transaction(), anyio.create_task_group() as tasks:
        await writer.execute("SELECT txid_current()")
        tasks.start_soon(start)
        while not ended.is_set():
            write = "SET lock_timeout = '1s'; UPDATE users SET login = login WHERE id = 1"
            await to_thread.run_sync(following.write, write)
    await writer.close()
    assert slots(following) == []
    following.project.config(CONFIG)
    await following.start(resume=True)


async def _a_commit_that_cannot_be_seen_is_waited_for(following: Following, logical: Target) -> None:
    """It waits for a standby that is not there, and its row is the old one until then."""
    writer = await asyncpg.connect(to_uri(following.source.params))
    with setting(logical, "synchronous_standby_names", "nobody"):
        until_commits_wait(logical)
        await writer.execute("SET synchronous_commit = on")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(writer.execute, "UPDATE users SET login = 'late' WHERE id = 1")
            while run_psql(logical, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") != "1":
                await anyio.sleep(0.01)
            write = "UPDATE country SET label = 'B2' WHERE code = 'b'; TRUNCATE cats"
            following.write(f"SET synchronous_commit = off; {write}")
            await following.follow()
            assert following.differing() == {}
            run_psql(logical, "ALTER SYSTEM RESET synchronous_standby_names")
            run_psql(logical, "SELECT pg_reload_conf()")
    await writer.close()
    assert following.differing() == {"accounts": 2}
    await following.follow()
    assert following.differing() == {}


async def _the_wal_of_others_is_given_free(following: Following, logical: Target) -> None:
    behind = "SELECT pg_current_wal_lsn() - confirmed_flush_lsn FROM pg_replication_slots"
    run_psql(logical, "CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 2000)")
    run_psql(logical, "DROP TABLE filler")
    assert int(run_psql(logical, behind)) > 2_000_000
    await following.follow()
    assert int(run_psql(logical, behind)) < 1_000_000


async def _what_is_lost_is_never_gone_on_with(following: Following, logical: Target) -> None:
    following.write("UPDATE users SET login = 'lost' WHERE id = 2")
    status = await following.start("schema-to-schema-status")
    assert status.following.backlog_entries == 1
    assert status.following.backlog_bytes > 0
    with setting(logical, "max_slot_wal_keep_size", "1MB"):
        until(lambda: run_psql(logical, LOSE).endswith("lost"))
    for medium in ("schema-to-schema-follow", "schema-to-schema-cutover"):
        with pytest.raises(CaptureBroken, match="has removed WAL") as broken:
            await following.start(medium)
        assert "copied anew" in (broken.value.hint or "")
    assert following.differing() == {"accounts": 2}
    status = await following.start("schema-to-schema-status")
    assert "has removed WAL" in status.following.last_error
    assert status.live == "old"
    await following.start("schema-to-schema-cleanup")
    assert slots(following) == []


def cross_and_be_killed(bank: Bank) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED], cwd=bank.project.root, text=True) as process:
        assert process.wait() == -signal.SIGKILL
    gone(bank, process)


@pytest.mark.anyio
async def test_killed_it_leaves_nothing_that_holds_wal(bank: Bank, logical: Target) -> None:
    """While the slot is made, and before the old one is dropped; and the new database may be gone by then."""
    before = dump(bank.source)
    with open_writer(logical):
        process = bank.popen("start")
        until(lambda: len(slots(bank)) == 2)
        kill(process)
    until(lambda: bank.on_source("SELECT count(*) FROM pg_replication_slots WHERE active") == "0")
    gone(bank, process)
    assert slots(bank) == [bank.source.database, f"{bank.source.database} publishes"]
    run_psql(logical, f"DROP DATABASE {bank.target.database}")
    await bank.start("schema-to-schema-cleanup")
    run_psql(logical, f"CREATE DATABASE {bank.target.database} OWNER {bank.target.params['user']}")
    assert slots(bank) == []
    assert dump(bank.source) == before
    bank.on_target(NEW)
    await bank()
    bank.project.config(IMPATIENT)
    with open_writer(logical) as pid, pytest.raises(Busy, match=f"server process {pid},"):
        await bank.start("schema-to-schema-cutover")
    bank.project.config(CONFIG)
    assert slots(bank) == [bank.source.database, f"{bank.source.database} publishes"]
    cross_and_be_killed(bank)
    assert len(slots(bank)) == 4
    with pytest.raises(Refused, match="was begun and has not ended"):
        await bank.start("schema-to-schema-cleanup")
    await bank.start("schema-to-schema-settle")
    assert slots(bank) == [bank.target.database, f"{bank.target.database} publishes"]
    await bank.start("schema-to-schema-cleanup")
    assert slots(bank) == []
