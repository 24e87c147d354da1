"""Runs that do not come to their end: what they leave, and how it is put right."""

from __future__ import annotations

import os
import signal
import sys

import anyio
import pytest

from confiture.config.dsn import to_uri
from confiture.errors import Busy, ExecutionError, PermissionMissing, Refused
from confiture.loading import Records
from confiture.loading import taking as taking_off
from conftest import wait_gone

pytestmark = pytest.mark.anyio

TABLES = """
CREATE TABLE companies (id integer PRIMARY KEY, name text);
CREATE TABLE users (id integer PRIMARY KEY, company integer, email text);
CREATE TABLE posts (id integer PRIMARY KEY, "user" integer, kind text NOT NULL) PARTITION BY LIST (kind);
CREATE TABLE posts_a PARTITION OF posts FOR VALUES IN ('a');
CREATE TABLE posts_b PARTITION OF posts DEFAULT;
CREATE TABLE alone (id integer PRIMARY KEY, name text);
"""
ROWS = """
INSERT INTO companies SELECT i, 'c' || i FROM generate_series(1, 9) i;
INSERT INTO users SELECT i, i, 'u' || i FROM generate_series(1, 9) i;
INSERT INTO alone SELECT i, 'a' || i FROM generate_series(1, 9) i;
"""
#: The primary key of posts lacks its partition's key otherwise.
POSTS = "INSERT INTO posts SELECT i, i, chr(96 + i) FROM generate_series(1, 9) i;"
KEYS = """
ALTER TABLE users ADD FOREIGN KEY (company) REFERENCES companies, ADD CONSTRAINT once UNIQUE (email) DEFERRABLE;
ALTER TABLE posts ADD FOREIGN KEY ("user") REFERENCES users;
CREATE INDEX posts_user ON posts ("user");
CREATE INDEX users_company ON users (company);
ALTER TABLE users CLUSTER ON users_company;
CREATE INDEX alone_name ON alone (name);
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a trigger has fired'; END $$;
CREATE TRIGGER fires BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION fire();
ALTER TABLE alone ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
"""
COUNTS = """SELECT (SELECT count(*) FROM companies), (SELECT count(*) FROM users), (SELECT count(*) FROM posts),
                   (SELECT count(*) FROM alone)"""
NOTED = """SELECT (SELECT count(*) FROM confiture.confiture_sync_objects),
                  (SELECT count(*) FROM confiture.confiture_sync_runs WHERE finished IS NULL)"""


@pytest.fixture
def filled(both, source, target, psql):
    both(TABLES.replace('id integer PRIMARY KEY, "user"', 'id integer, "user"'))
    psql(source, ROWS + POSTS)
    psql(target, KEYS)


class Stop(Exception):
    """What a test stops a run with."""


async def test_a_run_that_fails_leaves_the_complete_tables_and_nothing_undone(filled, target, psql, sync, state):
    before = state()
    with pytest.raises(Stop):
        async with sync.loading() as loader:
            await loader.copy("public.companies", "public.posts", "public.alone")
            raise Stop
    assert state() == before
    # posts is complete, but its rows need those of users, which is not.
    assert psql(target, COUNTS) == "9|0|0|9"
    assert psql(target, NOTED) == "0|0"


async def test_one_that_can_be_gone_on_with_leaves_everything_off(filled, source, target, psql, sync, state, same):
    before = state()
    with pytest.raises(ExecutionError) as caught:
        async with sync.loading(resumable=True) as loader:
            await loader.copy("public.companies", "public.users")
            raise ExecutionError("it went wrong")
    assert "--resume" in caught.value.hint
    assert state() != before
    assert psql(target, COUNTS) == "9|9|0|0"
    with pytest.raises(Refused, match="was not finished"):
        await sync.check(truncate=True)
    async with sync.loading(resume=True, resumable=True) as loader:
        await loader.copy("public.alone", "public.posts")
        await loader.finish()
    assert state() == before
    same(COUNTS)


async def test_giving_up_puts_back_and_empties_what_is_not_complete(filled, target, psql, sync, state):
    before = state()
    with pytest.raises(Stop):
        async with sync.loading(resumable=True) as loader:
            await loader.copy("public.companies")
            psql(target, "INSERT INTO users VALUES (1, 1, 'half')")
            raise Stop
    report = await sync.abandon()
    assert (report.emptied, state()) == (("public.alone", "public.posts", "public.users"), before)
    assert psql(target, COUNTS) == "9|0|0|0"
    assert psql(target, NOTED) == "0|0"
    assert (await sync.abandon()).run_id == ""


async def test_rows_that_were_replaced_stay_when_it_is_given_up(filled, target, psql, sync, state):
    psql(target, "ALTER TABLE posts ADD PRIMARY KEY (id, kind); INSERT INTO alone VALUES (77, 'mine')")
    before = state()
    with pytest.raises(Stop):
        async with sync.loading(resumable=True, upsert=True, exclude=("posts",)) as loader:
            await loader.copy("public.alone")
            raise Stop
    assert (await sync.abandon()).emptied == ()
    assert state() == before
    assert psql(target, COUNTS) == "0|0|0|10"


@pytest.mark.parametrize("then", ["resume", "abandon"])
async def test_cut_anywhere_while_putting_back(filled, target, psql, sync, state, same, monkeypatch, then):
    """Each time one thing more is back; in the end all is, and no row is lost."""
    before, drop, cut = state(), Records.drop, 0

    async def dies(self, connection, number):
        await drop(self, connection, number)
        nonlocal left
        left -= 1
        if left < 0:
            raise Stop

    monkeypatch.setattr(Records, "drop", dies)
    left = 0
    with pytest.raises(Stop):
        async with sync.loading(resumable=True, jobs=1) as loader:
            await loader.copy()
            await loader.finish()
    for left in (1, 2, 3, 4):  # noqa: B007
        with pytest.raises(Stop):
            if then == "abandon":
                await sync.abandon()
            else:
                async with sync.loading(resume=True, resumable=True, jobs=1) as loader:
                    await loader.finish()
        cut += 1
    left = 1000
    if then == "abandon":
        assert (await sync.abandon()).emptied == ()
    else:
        async with sync.loading(resume=True, jobs=3) as loader:
            await loader.finish()
    assert (state(), cut) == (before, 4)
    same(COUNTS)


async def test_cancelled_while_it_prepares_or_copies_or_ends(filled, target, psql, sync, state, no_session_left):
    before = state()
    for point in range(1, 600, 37):
        with anyio.CancelScope() as scope:
            await cancelling(sync.load, point, scope)
        no_session_left(target)
        if psql(target, COUNTS) == "9|9|9|9":
            break
        assert state() == before, point
        # What was complete stays; the others are empty.
        rows = psql(target, COUNTS)
        assert set(rows.split("|")) <= {"0", "9"}, point
        psql(target, "TRUNCATE companies, users, posts, alone")
    else:
        raise AssertionError("it never came to its end")


async def cancelling(work, number, scope):
    from cancelling import _cancel_at

    await _cancel_at(work(), number, scope)


async def test_rows_that_do_not_fit_go_away_with_those_that_need_them(filled, source, target, psql, sync, state):
    psql(source, "UPDATE users SET company = 99 WHERE id = 1")
    psql(target, "CREATE TABLE outside (who integer REFERENCES users)")
    before = state()
    with pytest.raises(ExecutionError, match=r"of 'public.users': 1 row without a parent"):
        await sync.load()
    assert state() == before
    assert psql(target, COUNTS) == "9|0|0|9"
    assert psql(target, NOTED) == "0|0"


async def test_who_holds_a_table_is_named_and_nothing_is_off(filled, target, psql, sync, state, ctx, monkeypatch):
    monkeypatch.setattr(taking_off, "_LOCK_TIMEOUT_S", 0.05)
    before = state()
    async with ctx.connect(target, settings={"application_name": "somebody"}) as other, ctx.transaction(other):
        await other.execute("SELECT FROM users")
        with pytest.raises(Busy, match=rf"process {other.get_server_pid()} \(somebody\) uses one"):
            await sync.load(truncate=True)
    assert state() == before
    assert psql(target, "SELECT to_regclass('confiture.confiture_sync_objects') IS NULL") == "t"


async def test_a_role_that_cannot_keep_records_takes_nothing_off(filled, target, psql, sync, state, owner):
    for table in ("companies", "users", "posts", "posts_a", "posts_b", "alone"):
        psql(target, f"ALTER TABLE {table} OWNER TO sync_other")
    before = state()
    with pytest.raises(PermissionMissing, match="recorded in 'confiture'"):
        await sync.load(as_role="sync_other")
    assert state() == before


#: Two things come back, and with the third the process is gone.
KILLED = """
import os, signal, sys
import anyio
from confiture.registry import Registry
from confiture.testing import open_context
from confiture_sync.load import taking
from confiture.loading import Records
from confiture_sync.medium import SyncMedium
from confiture_sync.model import SyncRequest

taking._WORTH_ROWS, left, drop = 0, 2, Records.drop

async def dies(self, connection, number):
    global left
    await drop(self, connection, number)
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

Records.drop = dies

async def main():
    print(os.getpid(), flush=True)
    async with open_context(sys.argv[1], registry=Registry()) as ctx:
        request = SyncRequest(source=sys.argv[2], target=sys.argv[3], mask=False, confirm=sys.argv[4], verify=False)
        await SyncMedium().run(ctx, request)

anyio.run(main)
"""


async def test_after_sigkill_everything_can_be_put_back(filled, project, source, target, sync, state, same):
    before = state()
    command = [
        sys.executable,
        "-c",
        KILLED,
        str(project.root),
        to_uri(source.params),
        to_uri(target.params),
        target.database,
    ]
    done = await anyio.run_process(command, check=False, env=dict(os.environ))
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    wait_gone(target, int(done.stdout))
    assert state() != before
    with pytest.raises(Refused, match="was not finished"):
        await sync.check()
    assert (await sync.abandon()).emptied == ()
    assert state() == before
    same(COUNTS)
