"""A bank moves to a new database and back while money is moved: by commands, with plain roles. Judged by psql."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator

import pytest

from confiture.model import Target
from conftest import ProjectFolder, run_psql
from e2e.schema_to_schema.bank import MAP, NEW, OLD, Writers, mirror_differs
from e2e.schema_to_schema.live import Bank, cross, done, following, gone, kill, kill_at, live, sides
from e2e.schema_to_schema.moves import dump

CONFIG = '[schema-to-schema]\nstrategy = "copy"\ncapture = "triggers"\njobs = 1\n'

SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)'"

#: The first time that a process is asked to end, it does not hear of it.
UNHEARD = """
    CREATE SCHEMA test; CREATE SEQUENCE test.asked;
    CREATE FUNCTION test.lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        new.asked_to_end := nextval('test.asked') > 1; RETURN new; END $$;
    CREATE TRIGGER lose BEFORE UPDATE ON confiture.confiture_move_epochs FOR EACH ROW
        WHEN (new.asked_to_end AND NOT old.asked_to_end) EXECUTE FUNCTION test.lose()
"""


@pytest.fixture
def bank(project: ProjectFolder, new_database: Callable[[], Target]) -> Iterator[Bank]:
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
    made = Bank(project, plain[0], plain[1])
    made.map(MAP)
    yield made
    for process in made.processes:
        kill(process)
    for place in (old, new):
        run_psql(old.with_database("postgres"), f'DROP DATABASE "{place.database}" WITH (FORCE)')
    run_psql(old.with_database("postgres"), f'DROP ROLE "{role}"')


def test_a_bank_moves_and_comes_back(bank: Bank) -> None:
    """No committed transfer is lost, no money is made: over a cutover, and a rollback with writes on both sides."""
    old, new = sides(bank)
    before = dump(bank.source)
    with Writers((old, new)) as writers:
        done(bank.cli("start"))
        process = following(bank)
        writers.until_more()
        cross(bank, "cutover")
        out, error = process.communicate(timeout=30)
        assert process.returncode == 0, out + error
        writers.until_at(1)
        assert live(bank) == "new"
        assert int(new.sql("SELECT sum(amount) FROM holders")) == 3000
        cross(bank, "rollback")
        writers.until_at(0)
    assert writers.told == {"25006"}
    assert old.wrong_books(writers.log) == 0
    assert live(bank) == "old"
    done(bank.cli("cleanup", "--yes"))
    assert dump(bank.source) == before
    assert [side.sql(SCHEMAS) for side in (old, new)] == ["public", "public"]
    # The judge sees one unit of money, and one transfer that somebody was told is committed.
    old.sql("UPDATE accounts SET balance = balance + 1 WHERE id = 7")
    assert old.wrong_books(writers.log) == 2
    old.sql("UPDATE accounts SET balance = balance - 1 WHERE id = 7; DELETE FROM transfers WHERE (writer, n) = (1, 3)")
    assert old.wrong_books(writers.log) > 0


def test_killed_while_it_follows_and_crosses(bank: Bank) -> None:
    """Whoever goes on finds what is left; `status` says which side is live, and `resume` ends what was begun."""
    old, new = sides(bank)
    with Writers((old, new), 2) as writers:
        done(bank.cli("start"))
        process = following(bank)
        writers.until_more(2)
        kill(process)
        gone(bank, process)
        process = following(bank)
        bank.on_target(UNHEARD)
        # At each step, without writers: tests of the crossing.
        kill_at(bank, "close production for writes")
        assert process.wait(30) == 0, process.communicate()
        status = json.loads(done(bank.cli("status", "--format", "json")))
        side = status["live"]
        if status["crossings"][-1]["outcome"] is None:  # else all of it was done before the kill
            done(bank.cli("resume"))
        if side == "old":
            assert live(bank) == side
            cross(bank, "cutover")
        writers.until_at(1)
    assert new.wrong_books(writers.log) == 0


def test_what_follows_is_a_mirror(bank: Bank) -> None:
    """After a strict drain: EXCEPT in both directions, over what was written during copy and follow."""
    with Writers(sides(bank)) as writers:
        done(bank.cli("start"))
        process = following(bank)
        writers.until_more(8)
        bank.on_source('BEGIN; TRUNCATE "Odd ""T"".x"; INSERT INTO "Odd ""T"".x" VALUES (40, 1, 1); COMMIT')
        writers.until_more()
        done(bank.cli("validate"))  # rows that change all the time are no mismatch
        # In one transaction: who follows cannot have some of the rows while this has others.
        change = "ALTER TABLE {0} DISABLE TRIGGER USER; UPDATE {0} SET v = 2; ALTER TABLE {0} ENABLE TRIGGER USER"
        bank.on_target(f"BEGIN; {change}; COMMIT".format('"Odd ""T"".x"'))
        validated = bank.cli("validate", "--format", "json")
        assert validated.returncode == 7, validated.stdout + validated.stderr
        assert '"key": "[\\"40\\"]"' in validated.stdout
        bank.on_source('UPDATE "Odd ""T"".x" SET v = v')
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    gone(bank, process)
    done(bank.cli("follow", "--until-caught-up"))
    assert mirror_differs(bank.source, bank.target) == {}
    bank.on_source("UPDATE accounts SET owner = 'by hand' WHERE id = 3")
    assert mirror_differs(bank.source, bank.target) == {"holders": 2}
