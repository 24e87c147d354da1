"""What is told of changes out of the WAL, and when. The tables' owner captures; he is no superuser."""

from __future__ import annotations

import itertools
import tracemalloc

import anyio
import asyncpg
import msgspec
import pytest

from confiture.errors import Busy, CaptureBroken
from confiture.hooks import CAPTURE
from confiture.model import CapturedTable
from confiture.registry import Registry
from confiture.testing import open_context
from confiture.transfer import reading
from confiture_slot import peeking, pgoutput, plugin, telling
from confiture_slot.capture import SlotCapture
from confiture_slot.registry import need_installed
from logical import logical_server, until_commits_wait

pytestmark = pytest.mark.anyio

ODD = CapturedTable(label='s.My "T"', sql='s."My ""T"', columns=("The Key", "at", "b", "link"), key=2)
PARTS = CapturedTable(label="s.p", sql="s.p", columns=("id",))
PLAIN = CapturedTable(label="s.t", sql="s.t", columns=("id",))
SCHEMA = """
CREATE SCHEMA s AUTHORIZATION owner; SET ROLE owner;
CREATE TABLE s."My ""T" ("The Key" text, at timestamptz, b bytea, link text, note text, PRIMARY KEY ("The Key", at));
CREATE TABLE s.p (id int NOT NULL, v text) PARTITION BY RANGE (id);
CREATE TABLE s.p1 PARTITION OF s.p FOR VALUES FROM (0) TO (10);
CREATE TABLE s.p2 (v text, id int NOT NULL);
ALTER TABLE s.p ATTACH PARTITION s.p2 FOR VALUES FROM (10) TO (20);
CREATE TABLE s.t (id int PRIMARY KEY, link text);
CREATE TABLE s.other (id int);
"""
IDENTITIES = "SELECT string_agg(relname || relreplident::text, ',' ORDER BY relname) FROM pg_class \
WHERE relnamespace = 's'::regnamespace AND relkind = 'r'"
_counter = itertools.count()


class Old:
    """The old database, as its owner and as a writer."""

    def __init__(self, ctx, target, psql):
        self.ctx, self.psql, self.superuser = ctx, psql, target
        self.target = msgspec.structs.replace(target, params={**target.params, "user": "owner"})
        self.capture = ctx.get(CAPTURE, "slot")

    def write(self, sql):
        return self.psql(self.superuser, sql)

    async def install(self, *tables):
        await self.capture.install(self.ctx, self.target, "c", tables)

    async def verify(self, *tables):
        await self.capture.verify(self.ctx, self.target, "c", tables)

    async def poll(self, limit=None):
        async with reading(self.ctx, self.target) as connection:
            changes = await self.capture.poll(connection, "c", limit=limit)
            assert await self.capture.guard(connection, "c", changes)
            return changes

    async def ack(self, changes):
        await self.capture.ack(self.ctx, self.target, "c", changes)

    async def take(self):
        changes = await self.poll()
        await self.ack(changes)
        return changes

    async def drained(self):
        async with self.ctx.connect(self.target) as connection:
            return await self.capture.drained(connection, "c")

    async def backlog(self):
        async with self.ctx.connect(self.target) as connection:
            return await self.capture.backlog(connection, "c")

    async def uninstall(self):
        return await self.capture.uninstall(self.ctx, self.target, "c")

    async def preflight(self, *tables):
        return await self.capture.preflight(self.ctx, self.target, tables)


@pytest.fixture(scope="module")
def own():
    with logical_server() as target:
        yield target


@pytest.fixture
def create_s():
    """Long enough for a server that is busy."""
    return 60


@pytest.fixture
async def old(project, own, psql, create_s):
    project.config(f"[slot]\nlock_timeout_s = 0.05\nwait_s = 0.1\ncreate_s = {create_s}\n")
    database = own.with_database(f"d{next(_counter)}")
    psql(own, "DO $$ BEGIN CREATE ROLE owner LOGIN REPLICATION; EXCEPTION WHEN duplicate_object THEN END $$;")
    psql(own, f"CREATE DATABASE {database.database}")
    psql(database, f"GRANT CREATE ON DATABASE {database.database} TO owner; {SCHEMA}")
    async with open_context(project.root, registry=Registry()) as ctx:
        old = Old(ctx, database, psql)
        yield old
        await old.uninstall()
    psql(own, f"DROP DATABASE {database.database} WITH (FORCE)")


def test_it_is_registered():
    (provider,) = plugin.confiture_captures()
    assert provider.name == "slot"


async def test_rows_are_told_as_they_were_and_as_they_are_in_one_form(old):
    before = old.psql(old.superuser, IDENTITIES)
    found = await old.preflight(ODD, PARTS, PLAIN)
    assert {(each.level, each.table) for each in found if each.table} == {
        ("warning", ODD.label),
        ("warning", PARTS.label),
    }
    await old.install(ODD, PARTS, PLAIN)
    await old.verify(ODD, PARTS, PLAIN)
    old.write(
        "SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo'; SET bytea_output = 'escape';"
        """INSERT INTO s."My ""T" VALUES ('a', '2026-02-01 12:00+00', '\\x00ff', NULL, 'n');"""
    )
    one = ("a", "2026-02-01 12:00:00+00", "\\x00ff", None)
    assert (await old.take()).rows == {ODD.label: (one,)}
    # Values that are kept apart from their row, and do not change, are in the WAL of it all the same.
    large = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 400) i)"
    old.write(f"UPDATE {ODD.sql} SET link = {large}")
    ((_, after),) = [sorted((await old.take()).rows[ODD.label], key=lambda row: len(row[3] or ""))]
    assert len(after[3]) == 400 * 32
    old.write(f"UPDATE {ODD.sql} SET note = 'm'; UPDATE {ODD.sql} SET link = 'z'; DELETE FROM {ODD.sql}")
    changes = await old.take()
    assert set(changes.rows[ODD.label]) == {after, (*one[:3], "z")}
    assert "z" not in repr(changes)
    # A table without a primary key can be written to; a row moves from one partition to another.
    old.write("INSERT INTO s.p VALUES (1, 'x'); UPDATE s.p SET id = 11; INSERT INTO s.t VALUES (5), (6), (7)")
    old.write(
        "UPDATE s.t SET id = 8 WHERE id = 5; UPDATE s.t SET link = 'l' WHERE id = 6; INSERT INTO s.other VALUES (1)"
    )
    changes = await old.take()
    assert set(changes.rows[PARTS.label]) == {("1",), ("11",)}
    assert set(changes.rows[PLAIN.label]) == {("5",), ("6",), ("7",), ("8",)}
    # TRUNCATE of a partition too, which a publication by its root would not tell.
    old.write("TRUNCATE s.p2")
    assert (await old.take()).truncated == {PARTS.label}
    removed = await old.uninstall()
    assert [each.split()[0] for each in removed].count("replica") == 3
    assert old.psql(old.superuser, IDENTITIES) == before
    assert old.psql(old.superuser, "SELECT count(*) FROM pg_publication") == "0"


async def test_a_commit_that_cannot_be_seen_yet_is_neither_told_nor_acknowledged(old):
    """It waits for a standby that is not there: it is in the WAL, and other sessions read the older row."""
    old.write("INSERT INTO s.t VALUES (1, 'old')")
    await old.install(PLAIN)
    async with old.ctx.connect(old.superuser) as writer, anyio.create_task_group() as tasks:
        old.write("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        old.write("SELECT pg_reload_conf()")
        try:
            until_commits_wait(old.superuser)
            await writer.execute("SET synchronous_commit = on")
            tasks.start_soon(writer.execute, "UPDATE s.t SET link = 'new'")
            waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            while old.psql(old.superuser, waits) != "1":
                await anyio.sleep(0.01)
            old.write("INSERT INTO s.t VALUES (2, 'later')")  # it waits for nobody, and can be seen
            async with reading(old.ctx, old.target) as early:
                assert await early.fetchval("SELECT link FROM s.t WHERE id = 1") == "old"
                changes = await old.poll()
                assert changes.rows == {PLAIN.label: (("2",),)}
                await old.ack(changes)
                assert not await old.drained()
                old.write("ALTER SYSTEM RESET synchronous_standby_names")
                old.write("SELECT pg_reload_conf()")
                while old.psql(old.superuser, "SELECT link FROM s.t WHERE id = 1") != "new":
                    await anyio.sleep(0.01)
                changes = await old.poll()
                assert set(changes.rows[PLAIN.label]) == {("1",), ("2",)}
                # Rows that were read in the older snapshot would be the older ones.
                assert not await old.capture.guard(early, "c", changes)
        finally:
            old.write("ALTER SYSTEM RESET synchronous_standby_names")
            old.write("SELECT pg_reload_conf()")
    await old.ack(changes)
    assert await old.drained()


async def test_an_error_of_the_decoder_that_passes_is_tried_again_however_long_one_try_takes(old, monkeypatch):
    monkeypatch.setattr(peeking, "_PASSING_S", 0.0)
    monkeypatch.setattr(peeking, "_PASSING_TRIES", 5)
    tries = itertools.count(1)

    async def work(good):
        if (number := next(tries)) < good:
            await connection.execute("DO $$ BEGIN RAISE SQLSTATE 'XX000'; END $$")
        return number

    await old.install(PLAIN)
    async with old.ctx.connect(old.target) as connection:
        _, slot = await need_installed(connection, "c")
        async with old.ctx.transaction(connection):
            assert await peeking.when_free(connection, lambda: work(4), slot) == 4
            with pytest.raises(asyncpg.InternalServerError):
                await peeking.when_free(connection, lambda: work(100), slot)
            assert next(tries) == 10


async def test_backlog_limit_and_the_wal_of_others(old):
    await old.install(PLAIN)
    assert (await old.backlog()).entries == 0
    for number in range(3):
        old.write(f"INSERT INTO s.t SELECT i FROM generate_series({number}0, {number}9) i")
    backlog = await old.backlog()
    assert backlog.entries == 30
    assert backlog.bytes > 0
    assert 0 < backlog.age_s < 600
    told = set()
    for last in (False, False, True):
        changes = await old.poll(limit=8)
        assert len(changes.rows[PLAIN.label]) == 10
        told |= set(changes.rows[PLAIN.label])
        await old.ack(changes)
        assert await old.drained() is last
    assert len(told) == 30
    # WAL that has nothing of our tables is given free as well.
    position = "SELECT confirmed_flush_lsn FROM pg_replication_slots"
    before = old.psql(old.superuser, position)
    old.write("INSERT INTO s.other SELECT generate_series(1, 10000)")
    changes = await old.take()
    assert changes.entries == 0
    assert old.psql(old.superuser, f"SELECT ({position}) > '{before}'") == "t"


async def test_a_large_transaction_is_told_without_being_held(old, monkeypatch):
    """Whole rows are told, of which no more than the captured columns are kept; of too many rows, none."""
    await old.install(ODD, PLAIN)
    keys = "SELECT 'k' || i, now(), NULL, NULL, repeat('x', 100000) FROM generate_series(1, 600) i"
    old.write(f"BEGIN; INSERT INTO s.t SELECT generate_series(1, 2000); INSERT INTO {ODD.sql} {keys}; COMMIT")
    with monkeypatch.context() as patch:
        patch.setattr(telling, "_MOST_ROWS", 1999)
        many = await old.poll()
    assert (many.rows[PLAIN.label], many.truncated, many.entries) == ((), {PLAIN.label}, 2600)
    assert len(many.rows[ODD.label]) == 600
    tracemalloc.start()
    try:
        changes = await old.take()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert {row[0] for row in changes.rows[ODD.label]} == {f"k{i}" for i in range(1, 601)}
    assert set(changes.rows[PLAIN.label]) == {(str(i),) for i in range(1, 2001)}
    assert changes.entries == 2600
    assert peak < 40_000_000  # of 60 MB


async def test_what_is_broken_is_named_and_installing_again_tells_the_table_as_emptied(old):
    tables = (ODD, PARTS, PLAIN)
    await old.install(*tables)
    for break_, said in (
        (f"ALTER TABLE {ODD.sql} REPLICA IDENTITY DEFAULT; INSERT INTO {ODD.sql} VALUES ('a', now());"
         f"DELETE FROM {ODD.sql}", "'b' is not in the replica identity"),
        ("ALTER PUBLICATION confiture_c DROP TABLE s.t", "not in the publication"),
        (f"ALTER TABLE {ODD.sql} RENAME link TO i; INSERT INTO {ODD.sql} VALUES ('d', now());"
         f"ALTER TABLE {ODD.sql} RENAME i TO link; ALTER TABLE {ODD.sql} ALTER link TYPE varchar", "of type 'char"),
        ("CREATE TABLE s.p3 PARTITION OF s.p FOR VALUES FROM (20) TO (30); INSERT INTO s.p VALUES (25)",
         "the new partition 's.p3'"),
        ("DROP TABLE s.t; CREATE TABLE s.t (id bigint PRIMARY KEY, link text); ALTER TABLE s.t OWNER TO owner",
         "another table"),
    ):  # fmt: skip
        old.write(break_)
        with pytest.raises(CaptureBroken, match=said) as broken:
            await old.verify(*tables)
        label = next(table.label for table in tables if repr(table.label) in broken.value.message)
        old.psql(old.superuser, "ALTER TABLE IF EXISTS s.p3 OWNER TO owner")
        await old.install(*tables)
        await old.verify(*tables)
        changes = await old.take()
        assert changes.truncated == {label}, break_
    # One that is made in advance joins without that.
    old.write("SET ROLE owner; CREATE TABLE s.p4 PARTITION OF s.p FOR VALUES FROM (30) TO (40)")
    await old.install(*tables)
    await old.verify(*tables)
    old.write("INSERT INTO s.p VALUES (33); UPDATE s.p SET v = 'x' WHERE id = 33")
    assert dict((await old.take()).rows) == {PARTS.label: (("33",),)}
    # A row that was told without a captured column, and no such table as it was: never passed over.
    old.write(f"ALTER TABLE {ODD.sql} REPLICA IDENTITY DEFAULT; INSERT INTO {ODD.sql} VALUES ('b', now())")
    old.write(f"DELETE FROM {ODD.sql}")
    with pytest.raises(CaptureBroken, match="without its column 'b'"):
        await old.poll()


async def test_a_lost_slot_is_broken_and_made_anew(old):
    await old.install(PLAIN)
    old.write("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    for call in (old.poll, old.drained, old.backlog, lambda: old.verify(PLAIN)):
        with pytest.raises(CaptureBroken, match="no replication slot"):
            await call()
    await old.install(PLAIN)
    assert (await old.take()).truncated == {PLAIN.label}
    assert await old.drained()


@pytest.mark.parametrize("create_s", [0.3])
async def test_who_is_in_the_way_is_named_and_nothing_is_left(old):
    async with old.ctx.connect(old.target) as other, old.ctx.transaction(other):
        pid = other.get_server_pid()
        await other.execute("INSERT INTO s.other VALUES (1)")
        with pytest.raises(Busy, match=f"server process {pid}"):
            await old.install(PLAIN)
        assert old.psql(old.superuser, "SELECT count(*) FROM pg_publication, pg_replication_slots") == "0"
        # Since before `create_s` was waited in vain.
        (warned,) = [each for each in await old.preflight(PLAIN) if "have been writing" in each.message]
        assert warned.level == "warning"
        assert f"server process {pid}" in warned.message
        await other.execute("INSERT INTO s.t VALUES (1)")
        with pytest.raises(Busy, match=r"'s\.t'.*" + str(pid)):
            await old.install(PLAIN)
    assert old.psql(old.superuser, "SELECT count(*) FROM pg_publication") == "0"


async def test_the_preflight_asks_for_what_is_needed(project, database, old):
    async with open_context(project.root, registry=Registry()) as ctx:
        found = await SlotCapture().preflight(ctx, database, [PLAIN])
    assert [each.level for each in found if "wal_level" in each.message] == ["error"]
    in_use = "all 3 replication slots are in use"
    await old.install(PLAIN)
    old.write("SELECT pg_create_physical_replication_slot(name) FROM (VALUES ('one'), ('two')) AS x(name)")
    try:
        assert in_use not in [each.message for each in await old.preflight(PLAIN)]
        await old.uninstall()
        old.write("SELECT pg_create_physical_replication_slot('three')")
        assert in_use in [each.message for each in await old.preflight(PLAIN)]
    finally:
        old.write("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_type = 'physical'")
    old.write("CREATE ROLE poor LOGIN; CREATE UNLOGGED TABLE s.u (id int PRIMARY KEY)")
    try:
        target = msgspec.structs.replace(old.target, params={**old.target.params, "user": "poor"})
        unlogged = CapturedTable(label="s.u", sql="s.u", columns=("id",))
        old.write("GRANT USAGE ON SCHEMA s TO poor")
        found = await old.capture.preflight(old.ctx, target, [unlogged, PLAIN])
        said = " ".join(each.message for each in found if each.level == "error")
        for wanted in ("may not use replication slots", "may not make a publication", "unlogged", "owned by 'owner'"):
            assert wanted in said
    finally:
        old.write("DROP OWNED BY poor; DROP ROLE poor")


@pytest.mark.parametrize("data", [b"B" + bytes(20), b"?", b"I" + bytes(4), b"C" + bytes(25)])
def test_what_is_not_known_is_not_passed_over(data):
    with pytest.raises(CaptureBroken):
        decoder = pgoutput.Decoder("p")
        list(decoder.feed([(1, data)]))
        decoder.finish()
