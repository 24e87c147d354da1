"""The bank's migration as it goes on: processes that follow, which side is live, and where writers may write."""

from __future__ import annotations

import json
import subprocess

from confiture.model import Target
from conftest import ProjectFolder
from e2e.schema_to_schema.bank import Side
from e2e.schema_to_schema.faults import until
from e2e.schema_to_schema.moves import Move

#: What a cutover and a rollback say of a writer who does not come on. They have changed nothing then.
LONG_OPEN = "have been open for long"
#: For a machine that is busy.
_PATIENT = ("--yes", "--max-seconds", "60")


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


def cross(bank: Bank, phase: str) -> None:
    """Until no writer has been open for long, which the tool wants to be waited for: the machine held him up."""
    while LONG_OPEN in (result := bank.cli(phase, *_PATIENT)).stderr:
        assert result.returncode == 9, result.stderr
    done(result)


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


def gone(bank: Bank, process: subprocess.Popen[str]) -> None:
    """It has ended; wait until the server has seen that: what it was at is decided then, and its locks are free."""
    left = f"SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'confiture {process.pid}@%'"
    until(lambda: bank.on_target(left) == "0")


def kill_at(bank: Bank, step: str) -> None:
    """A cutover that is killed when it says that it has done this, or a moment later."""
    while True:
        with bank.popen("cutover", *_PATIENT) as process:
            assert process.stderr is not None
            said = []
            for line in process.stderr:
                said.append(line)
                if line.startswith(step):
                    kill(process)
                    gone(bank, process)
                    return
        assert any(LONG_OPEN in line for line in said), "".join(said)
