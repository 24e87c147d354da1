"""A bank moves while money is moved, and what has changed is read out of the WAL. Judged by psql."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator

import pytest

from confiture.model import Target
from conftest import ProjectFolder, run_psql
from e2e.schema_to_schema.bank import MAP, NEW, OLD, Writers, mirror_differs
from e2e.schema_to_schema.live import Bank, done, following, kill, live, sides
from e2e.schema_to_schema.moves import dump
from logical import logical_server

CONFIG = '[schema-to-schema]\nstrategy = "copy"\ncapture = "slot"\njobs = 1\n'
_counter = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[Target]:
    with logical_server() as target:
        yield target


@pytest.fixture
def bank(project: ProjectFolder, server: Target) -> Iterator[Bank]:
    """Both databases belong to a role that may replicate, and is no superuser."""
    number = next(_counter)
    old, new = server.with_database(f"old{number}"), server.with_database(f"new{number}")
    run_psql(server, f"CREATE ROLE owner{number} LOGIN REPLICATION NOSUPERUSER NOCREATEDB NOCREATEROLE")
    for place in (old, new):
        run_psql(server, f"CREATE DATABASE {place.database} OWNER owner{number}")
    plain = [Target(label="plain", params={**place.params, "user": f"owner{number}"}) for place in (old, new)]
    run_psql(plain[0], OLD)
    run_psql(plain[1], NEW)
    project.config(CONFIG)
    made = Bank(project, plain[0], plain[1])
    made.map(MAP)
    yield made
    for process in made.processes:
        kill(process)
    for place in (old, new):
        run_psql(server, f"DROP DATABASE IF EXISTS {place.database} WITH (FORCE)")
    run_psql(server, f"DROP ROLE owner{number}")


def slots(bank: Bank) -> list[str]:
    """The databases that have one, and those that have a publication."""
    found = bank.on_source("SELECT database FROM pg_replication_slots ORDER BY 1").split()
    return found + [
        f"{side.database} publishes"
        for side in (bank.source, bank.target)
        if run_psql(side, "SELECT count(*) FROM pg_publication") != "0"
    ]


def test_a_bank_moves_and_comes_back(bank: Bank) -> None:
    old, new = sides(bank)
    before = dump(bank.source)
    with Writers((old, new)) as writers:
        done(bank.cli("start"))
        process = following(bank)
        writers.until_more(8)
        bank.on_source('BEGIN; TRUNCATE "Odd ""T"".x"; INSERT INTO "Odd ""T"".x" VALUES (40, 1, 1); COMMIT')
        writers.until_more()
        done(bank.cli("validate"))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    done(bank.cli("follow", "--until-caught-up"))
    assert mirror_differs(bank.source, bank.target) == {}
    bank.on_source("UPDATE accounts SET owner = 'by hand' WHERE id = 3")
    assert mirror_differs(bank.source, bank.target) == {"holders": 2}
    with Writers((old, new), log=writers.log) as writers:
        process = following(bank)
        done(bank.cli("cutover", "--yes"))
        assert process.wait(30) == 0, process.communicate()
        writers.until_at(1)
        assert live(bank) == "new"
        assert int(new.sql("SELECT sum(amount) FROM holders")) == 3000
        assert slots(bank) == [bank.target.database, f"{bank.target.database} publishes"]
        done(bank.cli("rollback", "--yes"))
        writers.until_at(0)
    assert writers.told == {"25006"}
    assert old.wrong_books(writers.log) == 0
    assert live(bank) == "old"
    assert slots(bank) == [bank.source.database, f"{bank.source.database} publishes"]
    done(bank.cli("cleanup", "--yes"))
    assert dump(bank.source) == before
    assert slots(bank) == []
