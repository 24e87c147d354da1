"""One side that fails ends the other at once; the error says which and where, and holds no value of a row."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import traceback
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import msgspec
import pytest

from confiture.errors import Busy, ConfitureError, ConnectionLost, DiskFull, ExecutionError, Refused, StatementFailed
from confiture.model import Mask, Statement
from conftest import run_psql

pytestmark = pytest.mark.anyio

MANY = 600_000
#: At this rate, all rows would take minutes: a test that ends has not waited for them.
SLOWLY = "SELECT n, repeat('x', 1000) || coalesce(pg_sleep(0.01)::text, '') FROM generate_series(1, 60000) AS n"
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"


@asynccontextmanager
async def leaving_nothing(*places, table="t"):
    """The block leaves no session on either side, and no row in the last one."""
    yield
    with anyio.fail_after(20):
        for place in places:
            while run_psql(place.with_database("postgres"), SESSIONS.format(place.database)) != "0":
                await anyio.sleep(0.02)
    assert run_psql(places[-1], f"SELECT count(*) FROM {table}") == "0"


def everything(error: BaseException) -> str:
    """What anybody is told: the report, the message, the traceback."""
    told = json.dumps(error.as_dict()) if isinstance(error, ConfitureError) else ""
    return told + "".join(traceback.format_exception(error))


def trigger(body: str) -> str:
    function = f"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; END $$"
    return f"{function}; CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()"


PARENT = "CREATE TABLE p (id int PRIMARY KEY)"
CASES = {
    "check": ("ALTER TABLE t ADD CONSTRAINT low CHECK (id < 500)", "constraint 'low'", "23514"),
    "unique": ("CREATE UNIQUE INDEX once ON t ((id / 2 * (id - id % 100)))", "constraint 'once'", "23505"),
    "not null": ("ALTER TABLE t ALTER v SET NOT NULL", "column 'v'", "23502"),
    "domain": ("CREATE DOMAIN d AS text CHECK (VALUE !~ '500'); ALTER TABLE t ALTER v TYPE d", "type 'd'", "23514"),
    "length": ("ALTER TABLE t ALTER v TYPE varchar(9)", "value too long.*column 'v'", "22001"),
    "enum": ("CREATE TYPE e AS ENUM ('x'); ALTER TABLE t ALTER v TYPE e USING 'x'", "column 'v'", "22P02"),
    "foreign key": (f"{PARENT}; ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES p", "t_id_fkey", "23503"),
    "deferred": (
        f"{PARENT}; ALTER TABLE t ADD FOREIGN KEY (id) REFERENCES p DEFERRABLE INITIALLY DEFERRED",
        "t_id_fkey",
        "23503",
    ),
    "trigger": (
        trigger("RAISE EXCEPTION 'no %', NEW USING ERRCODE = '23505'"),
        "unique violation",
        "23505",
    ),
    "trigger's SQL": (
        trigger("EXECUTE format('SELECT %I', NEW.v)"),
        "undefined column",
        "42703",
    ),
    "partition": ("DROP TABLE t; CREATE TABLE t (id int, v text) PARTITION BY LIST (id)", "no partition", "23514"),
}  # fmt: skip


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("case", CASES)
async def test_what_the_target_refuses_is_told_without_the_row(transfer, both, psql, source, target, case, binary):
    """With the names of what was violated, and the row's number where PostgreSQL has it."""
    change, words, sqlstate = CASES[case]
    both("CREATE TABLE t (id int, v text)")
    psql(source, "INSERT INTO t SELECT n, nullif('secret' || n, 'secret700') FROM generate_series(1, 1000) AS n")
    psql(target, change)
    async with leaving_nothing(source, target):
        with pytest.raises(ExecutionError, match=f"(?s)'t' of 'staging' failed: .*{words}") as caught:
            await transfer("id, v", binary=binary)
    assert caught.value.sqlstate == sqlstate
    assert "secret" not in everything(caught.value)
    assert caught.value.detail is None


async def test_text_that_a_type_cannot_read_is_not_told(transfer, both, psql, source, target):
    """The message and the context of such an error have the value; the row and the column are enough."""
    psql(source, "CREATE TABLE t (v text); INSERT INTO t VALUES ('1'), (E'secret\\nsecret, column q: x')")
    psql(target, "CREATE TABLE t (v int)")
    with pytest.raises(StatementFailed, match=r"invalid text representation \(22P02\) \(row 2, column 'v'\)") as caught:
        await transfer("v", binary=False)
    assert "secret" not in everything(caught.value)


async def test_what_the_source_cannot_compute_is_told_without_the_row(transfer, both, psql, source, target):
    """A cast in the query, or in a mask, reads personal data."""
    both("CREATE TABLE t (id int, v text)")
    psql(source, "INSERT INTO t SELECT n, 'secret' FROM generate_series(1, 10) AS n")
    async with leaving_nothing(source, target):
        with pytest.raises(StatementFailed, match="'t' from 'production' failed: invalid text rep") as caught:
            await transfer("id, v", masks=[Mask(column="id", expression="v::int")])
    assert "secret" not in everything(caught.value)


async def test_a_query_that_is_wrong_is_told_in_the_servers_words(transfer, both):
    """It holds no row yet."""
    both("CREATE TABLE t (id int)")
    with pytest.raises(StatementFailed, match=r"'production' .*column \"nope\" does not exist"):
        await transfer("id", query="SELECT nope FROM t")
    for query in ("SELECT 1; SELECT 2", "SELECT 1) TO PROGRAM 'true' --", "INSERT INTO t VALUES (1) RETURNING id", ""):
        with pytest.raises(ConfitureError):
            await transfer("id", query=query)


async def test_a_target_that_fails_early_ends_the_source_at_once(transfer, both, psql, source, target):
    """The driver alone would read ten minutes' worth of rows first."""
    both("CREATE TABLE t (id int, v text)")
    psql(target, "ALTER TABLE t ADD CHECK (id <> 10)")
    async with leaving_nothing(source, target):
        with anyio.fail_after(30), pytest.raises(StatementFailed, match="t_id_check"):
            await transfer("id, v", query=SLOWLY)


async def terminate(place, condition: str = "true"):
    """End the backends that are at work in a database, when there are some that COPY."""
    kill = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        f"WHERE datname = '{place.database}' AND query LIKE 'COPY%' AND {condition}"
    )
    while run_psql(place.with_database("postgres"), kill) == "0":
        await anyio.sleep(0.05)


@pytest.mark.parametrize("side", ["production", "staging"])
@pytest.mark.parametrize("slow", ["source", "target"])
async def test_a_killed_backend_ends_both_sides(transfer, both, psql, source, target, side, slow):
    """Whichever is killed, and whether bytes are waited for or the socket to the target is full."""
    both("CREATE TABLE t (id int, v text)")
    query = SLOWLY
    if slow == "target":
        query = f"SELECT n, repeat('x', 1000) FROM generate_series(1, {MANY}) AS n"
        psql(target, trigger("PERFORM pg_sleep(0.01); RETURN NEW"))
    async with leaving_nothing(source, target):
        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:

                async def kill() -> None:
                    await anyio.sleep(0.7)
                    await anyio.to_thread.run_sync(lambda: anyio.run(terminate, place))

                place = source if side == "production" else target
                group.start_soon(kill)
                with pytest.raises(ConnectionLost, match=side):
                    await transfer("id, v", query=query)


class Wire:
    """A socket in between that can be cut, or stop to pass anything on."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.passed = 0

    @asynccontextmanager
    async def to(self, place):
        folder = Path(tempfile.mkdtemp(prefix="wire", dir="/tmp"))
        port = place.params.get("port", "5432")
        server = await asyncio.start_unix_server(
            lambda reader, writer: self._connect(reader, writer, f"{place.params['host']}/.s.PGSQL.{port}"),
            folder / f".s.PGSQL.{port}",
        )
        try:
            yield msgspec.structs.replace(place, params={**place.params, "host": str(folder)})
        finally:
            server.close()
            self.cut()
            shutil.rmtree(folder)

    async def _connect(self, reader, writer, path) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(path)
        self.writers += [writer, server_writer]
        await asyncio.gather(self._pass(reader, server_writer), self._pass(server_reader, writer))

    async def _pass(self, reader, writer) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                self.passed += len(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()


async def copying(*places) -> None:
    """Wait until rows are on their way in each database."""
    under_way = "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND query LIKE 'COPY%' AND state = 'active'"
    for place in places:
        asked = place.with_database("postgres"), under_way.format(place.database)
        while await anyio.to_thread.run_sync(run_psql, *asked) == "0":
            await anyio.sleep(0.01)


@pytest.mark.parametrize("side", ["production", "staging"])
@pytest.mark.parametrize("size", [0, 30_000])
async def test_a_cut_socket_ends_both_sides(transfer, both, source, target, side, size):
    """The network goes, at the first row or after so many bytes: the other server is told, and nothing stays."""
    both("CREATE TABLE t (id int, v text)")
    wire = Wire()
    async with leaving_nothing(source, target), wire.to(source if side == "production" else target) as through:
        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:

                async def cut() -> None:
                    await copying(source, target)
                    enough = wire.passed + size
                    while wire.passed < enough:
                        await anyio.sleep(0.01)
                    wire.cut()

                group.start_soon(cut)
                values = {"source" if side == "production" else "target": through}
                with pytest.raises(ConnectionLost, match=side):
                    await transfer("id, v", query=SLOWLY, **values)


async def test_statements_around_the_rows_fail_without_telling_rows(transfer, both, psql, source, target):
    """A unique index that cannot be made has the key in its detail."""
    both("CREATE TABLE t (v text)")
    psql(source, "INSERT INTO t VALUES ('secret'), ('secret')")
    async with leaving_nothing(source, target):
        with pytest.raises(StatementFailed, match=r"a statement after the rows of 't' on 'staging'.*once") as caught:
            await transfer("v", after=(Statement(sql="CREATE UNIQUE INDEX once ON t (v)"),))
        assert "secret" not in everything(caught.value)
        with pytest.raises(StatementFailed, match=r'before the rows.*syntax error at or near "NONSENSE"'):
            await transfer("v", before=(Statement(sql="NONSENSE"),))
        with pytest.raises(Refused, match="cannot run in their transaction"):
            await transfer("v", after=(Statement(sql="VACUUM t", transactional=False),))


async def test_limits_of_statements_hold_for_them_alone(ctx, transfer, both, psql, source, target):
    """A lock that is not to be had in time is Busy; the rows themselves have no limit of time, nor what comes after."""
    limits = ("statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout")
    both("CREATE TABLE t (v text); CREATE TABLE other (v int)")
    for place in (source, target):
        for name in limits:  # long enough for what comes before the session's own
            psql(place, f"ALTER DATABASE \"{place.database}\" SET {name} = '60s'")
    shown = " || ' ' || ".join(f"current_setting('{name}')" for name in limits)
    psql(target, trigger(f"NEW.v := NEW.v || ' ' || {shown}; RETURN NEW"))
    psql(source, "INSERT INTO t VALUES ('x')")
    query = f"SELECT v || ' ' || {shown} FROM t"
    limited = Statement(sql="TRUNCATE other", lock_timeout_s=0.1, statement_timeout_s=50)
    inside = Statement(sql=f"CREATE TABLE seen AS SELECT {shown} || ' ' || current_setting('lock_timeout') AS v")
    assert (await transfer("v", query=query, before=(limited,), after=(inside,))).rows == 1
    assert psql(target, "SELECT v FROM t") == "x 0 0 0 0 0 0"
    assert psql(target, "SELECT v FROM seen") == "0 0 0 0"
    during = Statement(
        sql=f"CREATE TABLE during AS SELECT {shown} || ' ' || current_setting('lock_timeout') AS v",
        lock_timeout_s=0.1,
        statement_timeout_s=50,
    )
    await transfer("v", query=query, before=(during,))
    assert psql(target, "SELECT v FROM during") == "50s 0 0 100ms"
    async with ctx.connect(target) as holder, ctx.transaction(holder):
        await holder.execute("LOCK other")
        with pytest.raises(Busy, match="before the rows"):
            await transfer("v", query=query, before=(limited,))


async def test_a_full_disk_is_told_as_one(transfer, both, psql, source, target):
    """As the server tells it: its code decides."""
    both("CREATE TABLE t (v int)")
    psql(source, "INSERT INTO t VALUES (1)")
    psql(target, trigger("RAISE 'full' USING ERRCODE = '53100'"))
    async with leaving_nothing(source, target):
        with pytest.raises(DiskFull, match="disk full"):
            await transfer("v")


async def test_policies_that_hide_rows_are_errors(transfer, both, psql, source, target):
    """Fewer rows than there are, without a word, is the worst that a copy can do."""
    both("CREATE TABLE t (v int)")
    psql(source, "INSERT INTO t VALUES (1), (2)")
    psql(source, "ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (v = 1)")
    psql(source, "DROP ROLE IF EXISTS copy_reader; CREATE ROLE copy_reader LOGIN; GRANT SELECT ON t TO copy_reader")
    try:
        reader = msgspec.structs.replace(source, params={**source.params, "user": "copy_reader"})
        async with leaving_nothing(source, target):
            with pytest.raises(ConfitureError, match="row-level security"):
                await transfer("v", source=reader)
    finally:
        psql(source, "DROP OWNED BY copy_reader; DROP ROLE copy_reader")


async def test_rows_that_a_trigger_keeps_are_told(ctx, transfer, both, psql, source, target):
    """A BEFORE trigger that returns NULL is how some tables are partitioned: no error, and no silence."""
    both("CREATE TABLE t (v int)")
    psql(source, "INSERT INTO t SELECT generate_series(1, 10)")
    psql(target, trigger("IF NEW.v % 2 = 0 THEN RETURN NULL; END IF; RETURN NEW"))
    async with ctx.bus.subscribe() as events:
        report = await transfer("v")
        told = await anext(events)
    assert (report.rows, told.message) == (5, "'t' took 5 of 10 rows: a trigger kept the others")
