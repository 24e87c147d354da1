"""The bank's migration as it goes on: processes that follow, which side is live, and where writers may write."""

from __future__ import annotations

import json
import subprocess

from confiture.model import Target
from conftest import ProjectFolder
from e2e.schema_to_schema.bank import Side
from e2e.schema_to_schema.faults import until
from e2e.schema_to_schema.moves import Move


class Bank(Move):
    """Processes that follow end with the test."""

    def __init__(self, project: ProjectFolder, source: Target, target: Target) -> None:
        super().__init__(project, source, target)
        self.processes: list[subprocess.Popen[str]] = []


def sides(bank: Bank) -> tuple[Side, Side]:
    return Side(bank.source, "accounts", "balance"), Side(bank.target, "holders", "amount")


def done(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def live(bank: Bank) -> str:
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


def following(bank: Bank) -> subprocess.Popen[str]:
    """A process that follows by now: it has written the epoch that is its own."""
    epoch = "SELECT coalesce(max(epoch), 0) FROM confiture.confiture_move_epochs"
    before = int(bank.on_target(epoch))
    process = bank.popen("follow")
    bank.processes.append(process)
    until(lambda: process.poll() is not None or int(bank.on_target(epoch)) > before)
    assert process.poll() is None, process.communicate()
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    with process:
        pass


def kill_at(bank: Bank, step: str) -> None:
    """A cutover that is killed when it says that it has done this."""
    with bank.popen("cutover", "--yes") as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith(step):
                break
        else:
            raise AssertionError("".join(said))
        kill(process)
