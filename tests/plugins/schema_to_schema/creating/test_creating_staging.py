"""What is taken off the new tables, and how it comes back, whenever it is stopped."""

from __future__ import annotations

import os
import signal
import sys

import anyio
import pytest

from confiture.config.dsn import to_uri
from confiture.errors import Busy, ExecutionError, PermissionMissing
from plugins.schema_to_schema.creating.conftest import dump_schema, make_job

pytestmark = pytest.mark.anyio

SCHEMA = """
CREATE TABLE companies (id int PRIMARY KEY, name text UNIQUE);
CREATE TABLE "Our Users" (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, company int,
    email text NOT NULL, CONSTRAINT once UNIQUE (email) DEFERRABLE,
    CONSTRAINT employs FOREIGN KEY (company) REFERENCES companies ON DELETE CASCADE);
CREATE INDEX by_lower ON "Our Users" (lower(email)) WHERE company IS NOT NULL;
CREATE TABLE posts (id int, kind text, "user" bigint REFERENCES "Our Users", PRIMARY KEY (id, kind))
    PARTITION BY LIST (kind);
CREATE TABLE posts_a PARTITION OF posts FOR VALUES IN ('a');
CREATE TABLE posts_b PARTITION OF posts DEFAULT;
CREATE INDEX posts_user ON posts ("user");
CREATE TABLE others (id int PRIMARY KEY, company int REFERENCES companies);
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a trigger has fired'; END $$;
CREATE TRIGGER fires BEFORE INSERT ON "Our Users" FOR EACH ROW EXECUTE FUNCTION fire();
ALTER TABLE "Our Users" ENABLE ALWAYS TRIGGER fires;
"""
OLD = "CREATE TABLE c (id int); CREATE TABLE u (id serial); CREATE TABLE p (id int)"
TABLES = (("companies", "c", "id,name"), ("Our Users", "u", "id,company,email"), ("posts", "p", "id,kind,user"))
ROWS = """
INSERT INTO posts SELECT i, chr(96 + i % 3), i FROM generate_series(1, 9) i;
INSERT INTO "Our Users" OVERRIDING SYSTEM VALUE SELECT i, i, 'u' || i FROM generate_series(1, 9) i;
INSERT INTO companies SELECT i, 'c' || i FROM generate_series(1, 9) i;
"""
LEFT = "SELECT count(*) FROM confiture.confiture_move_objects WHERE phase > 0"
INDEXES = """
SELECT string_agg(c.relname, ',' ORDER BY c.relname) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_class t ON t.oid = i.indrelid WHERE t.relnamespace = 'public'::regnamespace
"""
KEYS = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conparentid = 0"


@pytest.fixture
def filled(source, target, psql):
    psql(source, OLD)
    psql(target, SCHEMA)


async def test_large_tables_keep_no_index_and_everything_comes_back(filled, target, psql, staged):
    before = dump_schema(target)
    stage = staged(*TABLES)
    await stage.take_off()
    assert not {"companies_pkey", "Our Users_pkey", "once", "posts_user"} & set(psql(target, INDEXES).split(","))
    assert "others_pkey" in psql(target, INDEXES)
    assert psql(target, KEYS) == "0"
    psql(target, ROWS)
    for table in stage.job.tables:
        await stage.finish_table(table.label)
    assert "by_lower" in psql(target, INDEXES)
    assert psql(target, KEYS) == "0"
    await stage.finish()
    assert dump_schema(target) == before
    assert psql(target, LEFT) == "0"
    assert psql(target, "SELECT count(*) FROM pg_constraint WHERE NOT convalidated") == "0"
    assert (
        psql(
            target, "SELECT bool_and(reltuples >= 0) FROM pg_class WHERE relname IN ('companies', 'Our Users', 'posts')"
        )
        == "t"
    )


async def test_small_tables_keep_their_indexes(filled, target, psql, staged):
    before = psql(target, INDEXES)
    stage = staged(*TABLES, rows=100)
    await stage.take_off()
    assert psql(target, INDEXES) == before
    assert psql(target, KEYS) == "0"
    await stage.finish()
    assert psql(target, KEYS) == "3"


async def test_a_later_attempt_takes_nothing_off_twice(filled, target, psql, staged):
    before = dump_schema(target)
    await staged(*TABLES).take_off()
    off = psql(target, LEFT)
    stage = staged(*TABLES)
    await stage.take_off()
    assert psql(target, LEFT) == off
    await stage.finish_table("public.companies")
    indexes = psql(target, INDEXES)
    assert "companies_name_key" in indexes
    again = staged(*TABLES)
    await again.take_off()
    assert psql(target, INDEXES) == indexes
    psql(target, ROWS)
    await again.finish()
    last = staged(*TABLES)
    await last.take_off()
    assert dump_schema(target) == before, "what had come to its end was begun again"
    await last.finish()
    assert dump_schema(target) == before


async def test_another_migration_takes_everything_off_again(filled, target, psql, staged):
    first = staged(*TABLES)
    await first.take_off()
    await first.finish()
    second = staged(*TABLES, run_id="r2")
    await second.take_off()
    assert psql(target, KEYS) == "0"
    assert psql(target, "SELECT string_agg(DISTINCT run, ',') FROM confiture.confiture_move_objects") == "r2"


#: So many things come back, and with the next one the process is gone. It takes off, fills, and puts back.
KILLED = """
import os, signal, sys
import anyio
from confiture.config.dsn import resolve
from confiture.loading import Records
from confiture.model import Target
from confiture.testing import open_context
from confiture_schema_to_schema.creating import Staging
from plugins.schema_to_schema.creating.conftest import make_job
from plugins.schema_to_schema.creating.test_creating_staging import TABLES

root, source, target, left = sys.argv[1:4] + [int(sys.argv[4])]
drop, add = Records.drop, Records.add

def step():
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

async def dropping(self, connection, number):
    await drop(self, connection, number)
    step()

async def adding(self, connection, run, records):
    await add(self, connection, run, records)
    if left < 2:
        step()

Records.drop, Records.add = dropping, adding

async def main():
    async with open_context(root) as ctx:
        sides = [Target(label=url, params=resolve(url, {})) for url in (source, target)]
        staging = Staging(ctx, make_job(*sides, *TABLES, rows=1_000_000), 1)
        await staging.take_off()
        await staging.finish()

anyio.run(main)
"""


async def test_whenever_it_is_killed_the_next_attempt_completes_it(filled, project, source, target, psql):
    before = dump_schema(target)

    async def attempt(things: int) -> int:
        arguments = [str(project.root), to_uri(source.params), to_uri(target.params), str(things)]
        env = {**os.environ, "PYTHONPATH": "tests"}
        done = await anyio.run_process([sys.executable, "-c", KILLED, *arguments], check=False, env=env)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
        return done.returncode

    assert await attempt(1) != 0
    assert dump_schema(target) == before, "taking off is all or nothing"
    assert await attempt(3) != 0
    assert psql(target, KEYS) == "0"
    psql(target, ROWS)
    left = int(psql(target, LEFT))
    assert await attempt(left - 3) != 0
    assert psql(target, LEFT) == "3"
    assert await attempt(1000) == 0
    assert dump_schema(target) == before


async def test_what_does_not_fit_is_named_and_all_the_rest_comes_back(filled, target, psql, staged):
    before = dump_schema(target)
    stage = staged(*TABLES)
    await stage.take_off()
    psql(target, ROWS)
    psql(target, "UPDATE \"Our Users\" SET email = 'u1' WHERE id = 2; DELETE FROM companies WHERE id > 7")
    await stage.finish_table("public.Our Users")
    with pytest.raises(ExecutionError) as caught:
        await stage.finish()
    message = str(caught.value)
    assert "the unique constraint 'once' of 'public.Our Users': could not create unique index" in message
    assert "the foreign key 'employs' of 'public.Our Users': 2 rows without a parent" in message
    assert message.count("once") == 2, message
    assert "u1" not in message
    assert "resume" in str(caught.value.hint)
    psql(
        target,
        "UPDATE \"Our Users\" SET email = 'u' || id; INSERT INTO companies SELECT i, i FROM generate_series(8, 9) i",
    )
    again = staged(*TABLES)
    await again.take_off()
    await again.finish()
    assert dump_schema(target) == before


async def test_a_table_that_is_in_use_is_named_with_who_uses_it(filled, target, ctx, staged, monkeypatch):
    from confiture.loading import taking

    monkeypatch.setattr(taking, "_LOCK_TIMEOUT_S", 0.05)
    async with ctx.connect(target) as other, ctx.transaction(other):
        await other.execute("LOCK TABLE companies IN ACCESS SHARE MODE")
        with pytest.raises(Busy, match=f"process {other.get_server_pid()} "):
            await staged(*TABLES).take_off()


async def test_one_who_does_not_own_the_tables_is_told_so(filled, source, target, psql, server, ctx):
    import msgspec

    from confiture_schema_to_schema.creating import Staging

    psql(
        server,
        "SELECT pg_advisory_lock(4712); SELECT 'CREATE ROLE move_plain LOGIN' "
        "WHERE to_regrole('move_plain') IS NULL \\gexec",
    )
    psql(target, "SELECT format('GRANT CREATE ON DATABASE %I TO move_plain', current_database()) \\gexec")
    job = make_job(source, target, *TABLES, rows=1_000_000)
    plain = msgspec.structs.replace(target, params={**target.params, "user": "move_plain"})
    job = msgspec.structs.replace(job, sides=msgspec.structs.replace(job.sides, target=plain))
    with pytest.raises(PermissionMissing, match="must be owner"):
        await Staging(ctx, job, 1).take_off()


SERIALS = """
CREATE TABLE a (id int GENERATED BY DEFAULT AS IDENTITY, kept serial, made serial, down int);
CREATE SEQUENCE down_seq INCREMENT -1; ALTER TABLE a ALTER down SET DEFAULT nextval('down_seq');
CREATE TABLE untouched (id serial, other serial);
"""


async def test_sequences_go_on_where_the_old_ones_are(source, target, psql, staged):
    psql(source, SERIALS)
    psql(target, SERIALS.replace("TABLE a", "TABLE b"))
    # id: rows were deleted since. kept: set by hand, behind the rows. made: another column's rows.
    psql(
        source,
        "SELECT setval('a_id_seq', 500), setval('a_kept_seq', 3), setval('a_made_seq', 900), setval('down_seq', -70);",
    )
    psql(source, "SELECT setval('untouched_id_seq', 40, false)")
    stage = staged(("b", "a", "id,kept,made=t.down + 1,down"), ("untouched", "untouched", "id,other"), rows=10)
    await stage.take_off()
    psql(target, "INSERT INTO b VALUES (7, 7, 7, -7)")
    await stage.finish()
    nexts = "SELECT nextval('b_id_seq'), nextval('b_kept_seq'), nextval('b_made_seq'), nextval('down_seq')"
    assert psql(target, nexts) == "501|8|8|-71"
    assert psql(target, "SELECT nextval('untouched_id_seq'), nextval('untouched_other_seq')") == "40|1"
