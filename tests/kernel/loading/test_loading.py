"""What is taken off tables comes back as it was, table by table. The judges: pg_dump, and plain SQL."""

from __future__ import annotations

import os
import subprocess

import pytest

import pgserver
from confiture.config.dsn import to_uri
from confiture.errors import ExecutionError
from confiture.loading import (
    Phase,
    PutBack,
    Records,
    altering,
    failed,
    qualify,
    read_indexes,
    read_keys,
    read_parts,
    read_switches,
    take,
)
from confiture.testing import open_context

pytestmark = pytest.mark.anyio

TABLES = r"""
CREATE SCHEMA "Odd.Schema";
CREATE TABLE "Odd.Schema"."My ""Table" (
    "a""b" integer, "select" text, v text,
    CONSTRAINT "p k" PRIMARY KEY ("select", "a""b") INCLUDE (v) WITH (fillfactor = 70) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT u UNIQUE (v) DEFERRABLE);
COMMENT ON CONSTRAINT "p k" ON "Odd.Schema"."My ""Table" IS 'it''s \ a key';
COMMENT ON INDEX "Odd.Schema"."p k" IS 'its index';
CREATE INDEX i ON "Odd.Schema"."My ""Table" (lower(v)) WHERE v <> '';
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text CONSTRAINT one_name UNIQUE);
CREATE INDEX users_name ON users (lower(name));
ALTER TABLE users CLUSTER ON users_pkey;
CREATE TABLE orders (id uuid PRIMARY KEY, who bigint REFERENCES users);
CREATE TABLE seen (id integer PRIMARY KEY, v text);
CREATE VIEW by_id AS SELECT id, v FROM seen GROUP BY id;
CREATE TABLE replicated (id integer PRIMARY KEY);
ALTER TABLE replicated REPLICA IDENTITY USING INDEX replicated_pkey;
CREATE TABLE parted (
    id integer, at date, v text, CONSTRAINT "p a" PRIMARY KEY (id, at) INCLUDE (v),
    UNIQUE NULLS NOT DISTINCT (v, at) DEFERRABLE, CONSTRAINT options UNIQUE (at) WITH (fillfactor = 60)
) PARTITION BY RANGE (at);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE "parted 2" (id integer, at date NOT NULL, v text, CONSTRAINT "its own" PRIMARY KEY (id, at) INCLUDE (v));
ALTER TABLE parted ATTACH PARTITION "parted 2" DEFAULT;
CREATE TABLE parted_3 PARTITION OF parted FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') PARTITION BY LIST (at);
CREATE TABLE parted_4 PARTITION OF parted_3 DEFAULT;
ALTER TABLE parted_1 CLUSTER ON parted_1_pkey;
COMMENT ON CONSTRAINT "p a" ON parted IS 'of all';
COMMENT ON INDEX "p a" IS 'index of all';
COMMENT ON CONSTRAINT "its own" ON "parted 2" IS 'of one';
COMMENT ON CONSTRAINT parted_3_pkey ON parted_3 IS 'of some';
CREATE TABLE mixed (id integer) PARTITION BY RANGE (id);
CREATE TABLE mixed_1 PARTITION OF mixed (UNIQUE (id)) DEFAULT;
CREATE UNIQUE INDEX mixed_id ON mixed (id);
CREATE TABLE to_parted (id integer, at date, FOREIGN KEY (id, at) REFERENCES parted);
CREATE INDEX parted_v ON parted (v);
CREATE INDEX own ON "parted 2" (upper(v));
"""
NAMES = ['"Odd.Schema"."My ""Table"', "users", "orders", "seen", "replicated", "parted", "to_parted", "mixed"]
ODD, USERS = 'Odd.Schema.My "Table', "public.users"
ALL = tuple(Phase)[1:]


@pytest.fixture
async def ctx(project):
    async with open_context(project.root) as run:
        yield run


@pytest.fixture
def records() -> Records:
    return Records("Confi ture", "what is off", "it's off")


@pytest.fixture
def schema(database):
    """The schema as pg_dump has it, without confiture's own and without what is different each time."""

    def dump() -> str:
        command = [
            pgserver.binaries() / "pg_dump",
            "--schema-only",
            "-N",
            '"Confi ture"',
            "-d",
            to_uri(database.params),
        ]
        env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
        return "\n".join(line for line in done.stdout.splitlines() if "restrict" not in line)

    return dump


async def take_off(ctx, target, records, names=NAMES, *, primary=True) -> None:
    async with ctx.connect(target) as connection, altering(ctx, target, connection):
        parts = await read_parts(connection, names)
        await qualify(connection)
        await records.create(connection)
        await take(connection, records, "run", await read_keys(connection, parts))
        sizes = {part.oid: 1 for part in parts}
        things = await read_indexes(connection, parts, sizes, primary=primary)
        await take(connection, records, "run", [*things, *await read_switches(connection, parts)])


def indexes(psql, target) -> list[str]:
    found = psql(
        target,
        "SELECT indexrelid::regclass FROM pg_index JOIN pg_class c ON c.oid = indrelid "
        'WHERE c.relnamespace::regnamespace::text !~ \'^(pg_|"Confi)\' ORDER BY 1::text COLLATE "C"',
    )
    return found.split("\n") if found else []


async def test_primary_keys_come_back_as_they_were(ctx, database, psql, records, schema):
    """With their options, comments and names; what cannot be taken off is there all the time."""
    psql(database, TABLES)
    before = schema()
    await take_off(ctx, database, records)
    kept = {"mixed_1_id_key", "mixed_id", "options", "replicated_pkey", "seen_pkey"}
    kept |= {"parted_1_at_key", '"parted 2_at_key"', "parted_3_at_key", "parted_4_at_key"}  # of options
    assert set(indexes(psql, database)) == kept
    assert psql(database, 'SELECT obj_description(\'"Confi ture"."what is off"\'::regclass)') == "it's off"
    async with ctx.connect(database) as connection:
        put = PutBack(ctx, database, records, 2)
        await put.run(connection, await records.read(connection), ALL, "test")
        assert put.failures == []
        assert await records.read(connection) == ()
    assert schema() == before


async def test_primary_keys_stay_where_they_are_not_asked_for(ctx, database, psql, records):
    """A medium that replaces rows by their key finds it."""
    psql(database, TABLES)
    await take_off(ctx, database, records, primary=False)
    assert '"Odd.Schema"."p k"' in indexes(psql, database)
    assert {"users_pkey", '"p a"', "parted_v_at_key", "parted_4_v_at_key"} < set(indexes(psql, database))
    assert {"one_name", "parted_v"}.isdisjoint(indexes(psql, database))


async def test_one_table_s_are_put_back_while_others_wait(ctx, database, psql, records):
    """And a partitioned one's with those of its partitions."""
    psql(database, TABLES)
    await take_off(ctx, database, records)
    async with ctx.connect(database) as connection:
        known = await records.read(connection)
        put = PutBack(ctx, database, records, 1)
        there = set(indexes(psql, database))
        await put.run(connection, known, (Phase.INDEX, Phase.ATTACH), "test", tables=[ODD])
        odd = {'"Odd.Schema"."p k"', '"Odd.Schema".u', '"Odd.Schema".i'}
        assert set(indexes(psql, database)) - there == odd
        labels = [part.label for part in await read_parts(connection, ["parted"])]
        await put.run(connection, known, (Phase.INDEX, Phase.ATTACH), "test", tables=labels)
        back = set(indexes(psql, database)) - there - odd
        assert {"parted_v", "parted_1_v_idx", '"parted 2_v_idx"', "own", '"p a"', "parted_4_pkey"} < back
        assert "users_pkey" not in back
        assert {record.label for record in await records.read(connection)} == {
            USERS,
            "public.orders",
            "public.to_parted",
        }


async def test_a_primary_key_is_there_before_other_indexes_of_its_table_are_built(ctx, database, psql, records):
    """It needs the table for itself when its index is built: beside another build it would wait, and then fail."""
    psql(database, "CREATE TABLE t (id integer PRIMARY KEY, v text); CREATE TABLE seen (id text, keyed bool)")
    psql(database, "CREATE INDEX a ON t (v); CREATE INDEX z ON t (lower(v))")
    await take_off(ctx, database, records, ["t"])
    psql(
        database,
        "CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen "
        "SELECT object_identity, EXISTS (SELECT FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'p') "
        "FROM pg_event_trigger_ddl_commands() WHERE object_type = 'index'; END $$;"
        "CREATE EVENT TRIGGER note ON ddl_command_end EXECUTE FUNCTION note()",
    )
    async with ctx.connect(database) as connection:
        put = PutBack(ctx, database, records, 2)
        await put.run(connection, await records.read(connection), (Phase.INDEX, Phase.ATTACH), "test")
    assert put.failures == []
    built = psql(database, "SELECT id, keyed FROM seen WHERE id <> 'public.t_pkey' ORDER BY 1")
    assert built == "public.a|t\npublic.z|t"


async def test_rows_that_a_table_does_not_take_leave_the_others_to_come_back(ctx, database, psql, records):
    """A key that is there twice is named without its value; the constraints of other tables are put back."""
    psql(database, TABLES)
    await take_off(ctx, database, records)
    psql(database, "INSERT INTO users (id, name) OVERRIDING SYSTEM VALUE VALUES (77001, 'a'), (77001, 'b')")
    async with ctx.connect(database) as connection:
        known = await records.read(connection)
        put = PutBack(ctx, database, records, 1)
        for label in (USERS, ODD):
            await put.run(connection, known, (Phase.INDEX, Phase.ATTACH), "test", tables=[label])
        left = [record.label for record in await records.read(connection)]
    (failure,) = put.failures
    assert (failure.record.kind, failure.record.label, "77001" in failure.why) == ("primary key", USERS, False)
    assert ODD not in left
    with pytest.raises(ExecutionError, match=r"the primary key 'users_pkey' of 'public\.users'") as raised:
        raise failed(put.failures, database, hint="mend them")
    assert raised.value.hint == "mend them"
