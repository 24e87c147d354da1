"""What a migration made goes, and is looked for afterwards. pg_dump is the judge."""

from __future__ import annotations

from types import SimpleNamespace

import anyio
import asyncpg
import pytest

from confiture.config.dsn import to_uri
from confiture.errors import Busy, Refused
from confiture_schema_to_schema.cleaning import medium
from confiture_schema_to_schema.sides import lock_name
from confiture_schema_to_schema.values import Sides
from conftest import run_psql

pytestmark = pytest.mark.anyio


async def test_both_databases_are_as_they_were(cleaning):
    """Before a cutover; a second time nothing is left to be done. The old one can be written to all the while."""
    before = cleaning.dumps()
    await cleaning.start()
    assert [place.count("confiture") > 5 for place in cleaning.dumps()] == [True, True]
    with pytest.raises(Refused, match="is the live database"):
        await cleaning.start("-cleanup", drop_database=cleaning.source.database)
    async with cleaning.run(cleaning.project, database=cleaning.source) as run:
        sides = Sides(source=cleaning.source, target=cleaning.target)
        async with run.lock(cleaning.target, lock_name(sides)):
            with pytest.raises(Busy):  # a process copies, or follows
                await cleaning.start("-cleanup")
    run_psql(cleaning.source, "CREATE TABLE confiture_keepsake (id int); INSERT INTO users VALUES (3, 'c')")
    report = await cleaning.start("-cleanup")
    assert report.remaining == ("production: table confiture_keepsake",)
    assert any("production: trigger" in each and "users" in each for each in report.removed)
    assert 'production_new: trigger confiture_move_fence on "public"."Odd ""t"' in report.removed
    run_psql(cleaning.source, "DROP TABLE confiture_keepsake")
    assert cleaning.dumps() == before
    run_psql(cleaning.target, "INSERT INTO users VALUES (9, 'open')")
    report = await cleaning.start("-cleanup")
    assert (report.removed, report.remaining, report.dropped, report.live) == ((), (), None, None)


async def test_the_old_database_is_dropped_where_its_name_is_typed(cleaning, monkeypatch):
    """After a cutover alone, and while nobody uses it. Until then nothing has changed."""
    before = cleaning.dumps()[1]
    await cleaning.start()
    await cleaning.start("-cutover", max_seconds=60)
    dumps = cleaning.dumps()
    run_psql(cleaning.target, "UPDATE confiture.confiture_move_crossings SET outcome = NULL")
    with pytest.raises(Refused, match="a cutover of 'production_new' was begun and has not ended"):
        await cleaning.start("-cleanup")
    run_psql(cleaning.target, "UPDATE confiture.confiture_move_crossings SET outcome = 'crossed'")
    old = cleaning.source.database
    with pytest.raises(Refused, match=f"the old database is '{old}', and not 'nope'"):
        await cleaning.start("-cleanup", drop_database="nope")
    with pytest.raises(Refused, match="the old database is"):
        await cleaning.start("-cleanup", drop_database=cleaning.target.database)
    connection = await asyncpg.connect(
        to_uri(cleaning.source.params, password=True), server_settings={"application_name": "the old app"}
    )
    with pytest.raises(Busy, match=r"is in use: 'the old app' \(process \d+\)$"):
        await cleaning.start("-cleanup", drop_database=old)
    assert cleaning.dumps() == dumps

    async def leave(_: float) -> None:
        await connection.close()
        with anyio.fail_after(60):
            while run_psql(cleaning.target, f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{old}'") != "0":
                await anyio.sleep(0.01)

    with monkeypatch.context() as patch:  # it is looked for them once more, however late that is
        patch.setattr(medium, "_GOING_S", 0.0)
        patch.setattr(medium, "anyio", SimpleNamespace(current_time=anyio.current_time, sleep=leave))
        report = await cleaning.start("-cleanup", drop_database=old)
    assert (report.dropped, report.remaining, report.live, report.old_database) == (old, (), "new", None)
    assert run_psql(cleaning.target, f"SELECT count(*) FROM pg_database WHERE datname = '{old}'") == "0"
    after = cleaning.dump(cleaning.target)
    assert after == before
    assert run_psql(cleaning.target, "SELECT count(*) FROM users") == "2"


async def test_what_a_copy_that_was_cut_has_left(cleaning):
    """Its extension too. While keys of the new database are off, it would not be as it was: that is refused."""
    made = "SELECT count(*) FROM pg_extension WHERE extname = 'postgres_fdw'"
    before = cleaning.dumps()
    await cleaning.cut("rows", strategy="fdw")
    with pytest.raises(Refused, match="were taken off for the copy, and are not back yet"):
        await cleaning.start("-cleanup")
    await cleaning.cut("analyze", resume=True)
    assert run_psql(cleaning.target, made) == "1"
    report = await cleaning.start("-cleanup")
    assert (report.remaining, report.live, run_psql(cleaning.target, made)) == ((), "old", "0")
    assert cleaning.dumps() == before


async def test_a_start_anew_removes_what_one_into_a_lost_database_left(cleaning):
    """Also where a database of that name is there again; what other migrations captured stays."""
    before = cleaning.dumps()
    await cleaning.start()
    left = cleaning.dumps()[0]
    name = cleaning.target.database
    server = cleaning.source
    run_psql(server, f'DROP DATABASE "{name}"')
    run_psql(server, f'CREATE DATABASE "{name}"')
    run_psql(cleaning.target, before[1])
    noted = "SELECT run_id FROM confiture.confiture_move_captures ORDER BY 1"
    first = run_psql(server, noted)
    run_psql(server, "INSERT INTO confiture.confiture_move_captures VALUES ('other', 'triggers', 'x', 'elsewhere')")
    await cleaning.start()
    now = run_psql(server, noted).splitlines()
    assert (first not in now, "other" in now, len(now)) == (True, True, 2)
    assert left.count("CREATE TRIGGER") == cleaning.dumps()[0].count("CREATE TRIGGER")
    run_psql(server, "DELETE FROM confiture.confiture_move_captures WHERE run_id = 'other'")
    run_psql(server, f'DROP DATABASE "{name}"')
    report = await cleaning.start("-cleanup")  # without the new database
    assert report.remaining == ()
    run_psql(server, f'CREATE DATABASE "{name}"')
    assert cleaning.dumps()[0] == before[0]
