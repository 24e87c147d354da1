"""Batches: each brings the new database to what the map gives of one snapshot of the old one. Judged by psql."""

from __future__ import annotations

from contextlib import asynccontextmanager

import anyio
import pytest

from confiture.errors import Busy, CaptureBroken
from confiture_schema_to_schema.following import catch_up, confirm, reopened, take_epoch, tighten
from confiture_schema_to_schema.following.batches import Follower
from confiture_schema_to_schema.model import FollowRequest
from confiture_schema_to_schema.sides import find_sides
from conftest import run_psql

pytestmark = pytest.mark.anyio

KEYS = (
    "SELECT conrelid::regclass, pg_get_constraintdef(oid), convalidated FROM pg_constraint WHERE contype = 'f'"
    " AND connamespace = 'public'::regnamespace UNION ALL"
    " SELECT tgrelid::regclass, tgname::text, tgenabled = 'O' FROM pg_trigger WHERE NOT tgisinternal"
    " AND tgname NOT LIKE 'confiture%'"
)
WRITES = (
    # What a lookup gives, in rows that did not change; a row that gets another one at the same time.
    "UPDATE users SET country = 'd' WHERE id < 9; UPDATE country SET label = 'X' WHERE code IN ('b', 'c')",
    "INSERT INTO country VALUES ('d', 'D'); DELETE FROM country WHERE code = 'a'",
    "UPDATE country SET code = 'a' WHERE code = 'd'",
    # Along the way from a row over two lookups, each of which changes.
    "UPDATE region SET name = 'Zwei' WHERE id = 2",
    "UPDATE country SET region = 9 WHERE region = 2; DELETE FROM region WHERE id = 2;"
    " INSERT INTO region VALUES (9, '9')",
    # A way that led over what is gone, for rows that are no longer there.
    "UPDATE users SET country = 'nowhere' WHERE country = 'c'; DELETE FROM country WHERE code = 'c'",
    "INSERT INTO country VALUES ('e', 'E'); UPDATE users SET country = 'e' WHERE country = 'nowhere'",
    # Keys that move, with those that refer to them; one that takes the place of another.
    "UPDATE users SET id = 1000 WHERE id = 5; DELETE FROM users WHERE id = 6; UPDATE users SET id = 6 WHERE id = 7",
    # Unique values that change places.
    "UPDATE users SET login = 't' WHERE id = 10; UPDATE users SET login = 'u10' WHERE id = 11;"
    " UPDATE users SET login = 'u11' WHERE id = 10",
    # In and out of the filter; of two tables one.
    "UPDATE users SET gone = true WHERE id IN (20, 21)",
    "UPDATE users SET gone = false WHERE id = 20; UPDATE dogs SET name = 'rex' WHERE id = 3",
    "DELETE FROM cats WHERE id = 3",
    "INSERT INTO dogs VALUES (77, E'a\\tb\\\\n'); INSERT INTO cats VALUES (77, NULL)",
    # From one partition to another, and a key of two columns.
    """UPDATE "Log ""T"".x" SET at = at + 60, "K" = E'"\\n' WHERE at < 20""",
    "TRUNCATE cats; INSERT INTO cats VALUES (1, 'again')",
    "TRUNCATE country; INSERT INTO country VALUES ('b', 'new')",
    "TRUNCATE users CASCADE; INSERT INTO users VALUES (1, 'first'); INSERT INTO orders VALUES (1, 1, 2.5)",
)


@asynccontextmanager
async def opened(following):
    """Batches of one process: ``await batch()``."""
    async with following.run(following.project, database=following.source) as run:
        found = await reopened(run, await find_sides(run, FollowRequest()))
        epoch = await take_epoch(run, found.job)

        async def batch(**values):
            return await catch_up(run, found.job, found.watch, epoch, **values)

        batch.run, batch.found = run, found
        yield batch


async def test_each_write_arrives_and_the_tables_are_as_before_in_the_end(following, monkeypatch):
    """Rows that stay keep what the map does not know of them. A lost acknowledgement makes no difference."""
    run_psql(
        following.target,
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'a trigger'; END$$;"
        "CREATE TRIGGER no BEFORE INSERT OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION no()",
    )
    before = run_psql(following.target, KEYS)
    await following.start()
    assert following.differing() == {}
    seen = "SELECT seen FROM accounts WHERE id = 10"
    stamp = run_psql(following.target, seen)
    async with opened(following) as batch:
        for number, sql in enumerate(WRITES):
            following.write(sql)
            if number % 2:
                done = await batch()
                assert done.strict
                assert done.entries
                assert following.differing() == {}, sql
            elif number == 4:
                with monkeypatch.context() as patch:
                    patch.setattr(Follower, "_ack", lambda *_: anyio.lowlevel.checkpoint())
                    first = await batch()
                assert following.differing() == {}
                assert (await batch()).entries == first.entries
                assert run_psql(following.target, seen) == stamp
        await batch()
        assert following.differing() == {}
        assert (await batch()).entries == 0
        assert run_psql(following.target, KEYS) != before
        await tighten(batch.run, following.target)
        await confirm(batch.run, following.target)
    assert run_psql(following.target, KEYS) == before


async def test_an_older_process_and_a_part_of_the_log_do_no_harm(following, monkeypatch):
    """A process that went on after it was taken for dead; values that collide where not all is taken at once."""
    monkeypatch.setattr("confiture_schema_to_schema.following.batches.SOME", 1)
    await following.start()
    async with opened(following) as old, opened(following) as new:
        following.write(
            "UPDATE users SET login = 'x' WHERE id = 1; UPDATE users SET login = 'u1' WHERE id = 2;"
            " UPDATE users SET login = 'u2' WHERE id = 1"
        )
        with pytest.raises(Busy, match="another process"):
            await old()
        assert following.differing() == {"accounts": 4}
        # One of both alone, in whatever order, would be there twice for the other.
        await new(strict=False)
        while (await new(strict=False)).entries:
            pass
        await new()
        assert following.differing() == {}
        following.write("ALTER TABLE users ADD COLUMN more text DEFAULT 'm'; UPDATE users SET more = 'n' WHERE id = 1")
        assert (await new()).entries
    assert (await following.follow()).ended == "caught up"
    for sql, table in (
        ("ALTER TABLE country ALTER label TYPE varchar(9)", "public.country"),
        ("ALTER TABLE users DISABLE TRIGGER USER", "public.users"),
    ):
        following.write(sql)
        with pytest.raises(CaptureBroken, match=table):
            await following.follow()
        following.write("ALTER TABLE country ALTER label TYPE text")
