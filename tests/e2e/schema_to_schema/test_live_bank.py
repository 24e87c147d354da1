"""A bank moves to a new database and back while money is moved: by commands, with plain roles. Judged by psql."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator

import pytest

from confiture.model import Target
from conftest import ProjectFolder, run_psql
from e2e.schema_to_schema.bank import MAP, NEW, OLD, Side, Writers
from e2e.schema_to_schema.moves import Move

CONFIG = '[schema-to-schema]\nstrategy = "copy"\ncapture = "triggers"\njobs = 1\n'


@pytest.fixture
def bank(project: ProjectFolder, new_database: Callable[[], Target]) -> Iterator[Move]:
    """Both databases belong to a role that is no superuser and may not replicate."""
    old, new = new_database(), new_database()
    role = f"{old.database}_owner"
    run_psql(old, f'CREATE ROLE "{role}" LOGIN NOSUPERUSER NOREPLICATION NOCREATEDB NOCREATEROLE')
    for place in (old, new):
        run_psql(place, f'ALTER DATABASE "{place.database}" OWNER TO "{role}"')
    plain = [Target(label="plain", params={**place.params, "user": role}) for place in (old, new)]
    run_psql(plain[0], OLD)
    run_psql(plain[1], NEW)
    project.config(CONFIG)
    made = Move(project, plain[0], plain[1])
    made.map(MAP)
    yield made
    for place in (old, new):
        run_psql(old.with_database("postgres"), f'DROP DATABASE "{place.database}" WITH (FORCE)')
    run_psql(old.with_database("postgres"), f'DROP ROLE "{role}"')


def sides(bank: Move) -> tuple[Side, Side]:
    return Side(bank.source, "accounts", "balance"), Side(bank.target, "holders", "amount")


def done(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def live(bank: Move) -> str:
    """What ``status`` says; and that it is so, by writing."""
    said: str = json.loads(done(bank.cli("status", "--format", "json")))["live"]
    takes = {name: writes(side) for name, side in zip(("old", "new"), sides(bank), strict=True)}
    assert takes == {name: name == said for name in takes}
    return said


def writes(side: Side) -> bool:
    asked = (
        "SET client_min_messages = error; DO $$ BEGIN UPDATE {} SET id = id WHERE id = 1;"
        " EXCEPTION WHEN read_only_sql_transaction THEN CREATE TEMP TABLE closed (); END $$;"
        " SELECT to_regclass('pg_temp.closed') IS NULL"
    )
    return side.sql(asked.format(side.table)) == "t"


def follow(bank: Move, number: int) -> subprocess.Popen[str]:
    """A process that has brought something over after ``number`` batches."""
    process = bank.popen("follow")
    epochs = "SELECT coalesce(max(epoch), 0) FROM confiture.confiture_move_epochs"
    before = int(bank.on_target(epochs))
    while int(bank.on_target(epochs)) <= before:
        assert process.poll() is None, process.communicate()
    return process


def test_a_bank_moves_and_comes_back(bank: Move) -> None:
    """No committed transfer is lost, no money is made: over a cutover, and a rollback with writes on both sides."""
    old, new = sides(bank)
    with Writers((old, new)) as writers:
        done(bank.cli("start"))
        following = bank.popen("follow")
        writers.until_more()
        done(bank.cli("cutover", "--yes"))
        out, error = following.communicate(timeout=30)
        assert following.returncode == 0, out + error
        writers.until_at(1)
        assert live(bank) == "new"
        assert int(new.sql("SELECT sum(amount) FROM holders")) == 3000
        done(bank.cli("rollback", "--yes"))
        writers.until_at(0)
    assert writers.told == {"25006"}
    assert old.wrong_books(writers.log) == 0
    assert live(bank) == "old"
    with Writers((old, new)) as again:
        again.log |= writers.log
        done(bank.cli("cutover", "--yes"))
        again.until_at(1)
    assert new.wrong_books(again.log) == 0
    # The judge sees one unit of money, and one transfer that somebody was told is committed.
    new.sql("UPDATE holders SET amount = amount + 1 WHERE id = 7")
    assert new.wrong_books(again.log) == 2
    new.sql("UPDATE holders SET amount = amount - 1 WHERE id = 7; DELETE FROM transfers WHERE (writer, n) = (1, 3)")
    assert new.wrong_books(again.log) > 0
