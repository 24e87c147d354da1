"""A migration that was killed, stopped or failed is gone on with: nothing twice, nothing lost. Judged by psql."""

from __future__ import annotations

import random

import anyio
import pytest

from confiture.errors import Busy, ConfitureError, DiskFull, Refused
from confiture.model import Progress, StepStarted
from conftest import run_psql

pytestmark = pytest.mark.anyio

#: About as many events as a run has, from the first row on.
EVENTS = 90
CHUNKS = "SELECT count(*), count(xid) FROM confiture.confiture_move_chunks"
FAIL = "ALTER TABLE logs ADD CONSTRAINT narrow CHECK (id <> 133) NOT VALID"
#: The session that has the lock of a run: in another database, as a process holds it until it ends.
END_LOCK = (
    "SELECT count(pg_terminate_backend(a.pid, 5000)) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
    " WHERE l.locktype = 'advisory' AND a.application_name LIKE 'confiture {}@%'"
)


PART_A = "FOR VALUES FROM (0) TO (40)"


@pytest.fixture
async def failed(move):
    """A run that failed after it had copied some of its chunks."""

    def narrow(event):
        if isinstance(event, StepStarted) and event.step == "schema-to-schema.rows":
            run_psql(move.target, FAIL)

    with pytest.raises(ConfitureError, match="narrow"):
        await move(jobs=1, observers=[narrow])
    run_psql(move.target, "ALTER TABLE logs DROP CONSTRAINT narrow")
    chunks, done = map(int, run_psql(move.target, CHUNKS).split("|"))
    assert 0 < done < chunks


@pytest.mark.parametrize(("seed", "strategy"), [(0, "copy"), (1, "hybrid")])
async def test_killed_anywhere_and_gone_on_with(move, seed, strategy):
    """Twice, if need be: a row that is there twice would show, and one that is not."""
    chance = random.Random(seed)
    jobs = chance.choice((1, 2, 3))
    await move.kill(chance.randrange(1, EVENTS), jobs=jobs, strategy=strategy)
    if seed % 2:
        await move.kill(chance.randrange(1, 40), jobs=jobs, resume=True)
    report = await move(resume=True, jobs=jobs)
    assert report.resumed
    assert move.contents == move.expected
    assert {table.table: table.rows for table in report.tables}["public.pets"] == 400
    await move.no_session()


@pytest.mark.parametrize("step", ["schema-to-schema.public.bare", "schema-to-schema.public.pets"])
async def test_killed_within_a_table_without_a_key(move, step):
    """Of another snapshot its rows would come twice, or never: it begins anew, and what shares its table with it."""
    seen, copied = 0, []

    def lose(event):
        nonlocal seen
        if isinstance(event, Progress) and event.step == step:
            seen += event.done > 0
            if seen == 3:
                run_psql(move.target, "UPDATE confiture.confiture_moves SET attempt = attempt + 1")
                copied.append(run_psql(move.target, CHUNKS))

    with pytest.raises(Busy, match="another process goes on"):
        await move(jobs=1, observers=[lose])
    assert copied == [run_psql(move.target, CHUNKS)]  # the chunk that it was at went back
    # Each row is in another place now.
    run_psql(move.source, "UPDATE bare SET v = v || '.'; UPDATE bare SET v = rtrim(v, '.')")
    run_psql(move.source, "UPDATE dogs SET weight = weight + 1; UPDATE dogs SET weight = weight - 1")
    await move(resume=True)
    assert move.contents == move.expected


async def test_a_process_that_was_stopped_comes_too_late(move):
    """It is thought dead when its lock is gone; when it goes on, another one has done its work: it writes nothing."""
    process = move.forked(30, "SIGSTOP")
    try:
        process.there()
        with pytest.raises(Busy, match="held"):
            await move(resume=True)
        run_psql(move.target.with_database("postgres"), END_LOCK.format(process.pid))
        await move(resume=True)
        assert move.contents == move.expected
        process.go_on()
        told = process.end()
    finally:
        process.kill()
    assert "another process goes on with this migration" in told or "connection" in told
    assert move.contents == move.expected
    await move.no_session()


async def test_what_a_killed_process_left_running_is_ended(move):
    """The server does not see that a client is gone while a statement runs, which has the table locked."""
    run_psql(
        move.target,
        "CREATE SCHEMA aux; CREATE TABLE aux.slow AS SELECT 1; CREATE FUNCTION aux.wait() RETURNS boolean"
        " LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600) FROM aux.slow; RETURN true; END $$;"
        "ALTER TABLE one ADD CHECK (aux.wait())",
    )
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    process = move.forked(None, jobs=1)
    with anyio.fail_after(60):
        while run_psql(move.target, sleeping) != "1":
            await anyio.sleep(0.02)
    process.kill()
    await move.no_session_of(process, but="wait_event = 'PgSleep'")
    run_psql(move.target, "DELETE FROM aux.slow")
    assert run_psql(move.target, sleeping) == "1"
    left = []

    def look(event):
        if isinstance(event, StepStarted) and event.step == "schema-to-schema.rows":
            left.append(run_psql(move.target, sleeping))

    with anyio.fail_after(60):
        await move(resume=True, observers=[look])
    assert left == ["0"]
    assert move.contents == move.expected


async def test_there_must_be_something_to_go_on_with(move):
    """A finished migration is none; nor can one be begun twice, or over another."""
    with pytest.raises(Refused, match="no unfinished"):
        await move(resume=True)
    await move()
    with pytest.raises(Refused, match="is complete: there is nothing to go on with"):
        await move(resume=True)
    with pytest.raises(Refused, match=r"public\.folk"):
        await move()
    assert move.contents == move.expected


async def test_what_is_not_as_it_was_is_named(move, failed, new_database):
    """Else the new database would have rows of two kinds, and nobody would know."""
    with pytest.raises(Refused, match="begun and is not finished"):
        await move()
    text = (move.project.root / "db/migration_map.yaml").read_text()
    move.project.write("db/migration_map.yaml", text.replace("'cat'", "'tom'"))
    with pytest.raises(Refused, match=r"map is not the one .*: public\.pets$"):
        await move(resume=True)
    move.project.write("db/migration_map.yaml", text)
    other = new_database()
    run_psql(other, move.old)
    move.project.environment_for(other, "other")
    with pytest.raises(Refused, match="another database than 'other'"):
        await move(resume=True, source="other")
    for sql, back in (
        ("ALTER TABLE people ALTER id TYPE bigint", "ALTER TABLE people ALTER id TYPE int"),
        ("ALTER TABLE people RENAME TO persons", "ALTER TABLE persons RENAME TO people"),
        ("ALTER TABLE people RENAME note TO notes", "ALTER TABLE people RENAME notes TO note"),
        ("ALTER TABLE logs DETACH PARTITION logs_a", "ALTER TABLE logs ATTACH PARTITION logs_a " + PART_A),
    ):
        run_psql(move.source, sql)
        with pytest.raises(Refused, match=r"have changed since .* was begun: public\.(people|logs)$"):
            await move(resume=True)
        run_psql(move.source, back)
    # What nobody asks for, and what is made in advance, is no matter.
    run_psql(move.source, "ALTER TABLE people ADD mood text; CREATE TABLE more (id int PRIMARY KEY)")
    run_psql(move.source, "CREATE TABLE logs_c PARTITION OF logs FOR VALUES FROM (200) TO (300)")
    await move(resume=True)
    assert move.contents == move.expected


async def test_a_table_that_was_made_anew_is_named(move, failed):
    """What was copied into it is gone, and the state does not know."""
    run_psql(move.target, "DROP TABLE one; CREATE TABLE one (id int PRIMARY KEY, v text)")
    with pytest.raises(Refused, match=r"made anew .*: public\.one$"):
        await move(resume=True)
    run_psql(move.source, "ALTER TABLE people DROP note")
    with pytest.raises(Refused, match=r"have changed since .* was begun: public\.people$"):
        await move(resume=True)


async def test_a_new_database_that_was_made_anew_is_begun_anew(move, failed):
    """Its tables are gone, and only confiture's own are left: nothing of the former run counts."""
    run_psql(move.target, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    run_psql(move.target, move.schema)
    report = await move()
    assert not report.resumed
    assert move.contents == move.expected


async def test_a_source_that_changes_meanwhile_is_named(move):
    """After the last chunk it is looked at once more: rows of two definitions are no copy."""

    def change(event):
        if isinstance(event, Progress) and event.step == "schema-to-schema.public.bare":
            run_psql(move.source, "ALTER TABLE cats ALTER name TYPE varchar(500)")

    with pytest.raises(Refused, match=r"changed during the copy: public\.cats$"):
        await move(jobs=1, observers=[change])
    run_psql(move.source, "ALTER TABLE cats ALTER name TYPE text")
    await move(resume=True)
    assert move.contents == move.expected


async def test_a_full_disk_says_what_to_do(move):
    """By a trigger, with the server's own code; then there is room, and it is gone on with."""
    run_psql(
        move.target,
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE SQLSTATE '53100' USING MESSAGE = 'could not extend file'; END $$",
    )

    def fill(event):
        if isinstance(event, StepStarted) and event.step == "schema-to-schema.rows":
            run_psql(
                move.target, "CREATE TRIGGER t BEFORE INSERT ON folk FOR EACH STATEMENT EXECUTE FUNCTION full_disk()"
            )

    with pytest.raises(DiskFull, match="folk") as caught:
        await move(observers=[fill])
    assert "production_new" in caught.value.message
    assert "resume" in str(caught.value.hint)
    run_psql(move.target, "DROP TRIGGER t ON folk")
    await move(resume=True)
    assert move.contents == move.expected
