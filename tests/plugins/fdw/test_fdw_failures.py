"""What fails is told with table, side and column, and without a value; nothing is left, whenever it is ended."""

from __future__ import annotations

import traceback

import anyio
import msgspec
import pytest

from cancelling import at_every_await
from confiture.errors import ConfitureError, ConnectionLost, Refused, ServerUnreachable, StatementFailed
from confiture.model import Mask, Progress, Statement, TransferTask
from confiture.registry import Registry
from confiture.testing import open_context
from confiture_fdw.addresses import address_of
from confiture_fdw.engine import FdwEngine

pytestmark = pytest.mark.anyio

SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname IN ('{}', '{}') AND pid <> pg_backend_pid()"


async def nothing_left(psql, left, source, target) -> str:
    """Waits for the last session to go; the rows of the target."""
    sessions = SESSIONS.format(source.database, target.database)
    with anyio.fail_after(20):
        while (found := psql(target, f"{sessions}; SELECT count(*) FROM t; {left.query}").split())[0] != "0":
            await anyio.sleep(0.01)
    assert found[2] == "0"
    return found[1]


async def test_cancelled_at_every_await(transfer, both, psql, left, source, target):
    """From the first connection to the last commit: all rows or none, and nothing of what they needed."""
    both("CREATE TABLE t (id int, v text)")
    psql(source, "INSERT INTO t SELECT n, 'x' FROM generate_series(1, 2000) AS n")
    found = []

    async def work() -> None:
        await transfer("id, v", before=(Statement(sql="SELECT 1"),), after=(Statement(sql="SELECT 1"),))

    async for _ in at_every_await(work):
        found.append(await nothing_left(psql, left, source, target))
        psql(target, "TRUNCATE t")
    assert len(found) > 20
    assert found[-1] == "2000"
    assert found == ["0"] * found.count("0") + ["2000"] * found.count("2000")


async def test_cancelled_while_the_source_is_slow(transfer, both, psql, left, source, target):
    """The target waits for the source, which waits for a lock: both sessions end at once."""
    both("CREATE TABLE t (id int)")
    psql(source, "CREATE VIEW slow AS SELECT 1 AS id FROM pg_sleep(60)")
    started = f"SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = '{source.database}'"
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: transfer("id", query="SELECT id FROM slow"))
            while psql(source, started) != "1":
                await anyio.sleep(0.02)
            group.cancel_scope.cancel()
        assert await nothing_left(psql, left, source, target) == "0"


async def test_a_session_that_is_ended_is_told_as_lost(transfer, both, psql, left, source, target):
    """Of the target, which takes its transaction along."""
    both("CREATE TABLE t (id int)")
    psql(source, "CREATE VIEW slow AS SELECT 1 AS id FROM pg_sleep(60)")
    sleeping = f"SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = '{source.database}'"
    failed = []

    async def work() -> None:
        try:
            await transfer("id", query="SELECT id FROM slow")
        except ConnectionLost as error:
            failed.append(error)

    for place in (target, source):
        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                group.start_soon(work)
                while psql(source, sleeping) != "1":
                    await anyio.sleep(0.02)
                ended = f"datname = '{place.database}' AND pid <> pg_backend_pid()"
                psql(place, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ended}")
        assert await nothing_left(psql, left, source, target) == "0"
    assert len(failed) == 2


HIDDEN = "what-nobody-may-see"


@pytest.mark.parametrize(
    ("make", "told"),
    [
        ("CREATE TABLE t (a text CONSTRAINT few CHECK (length(a) < 3))", "constraint 'few'"),
        ("CREATE TABLE t (a text UNIQUE)", "constraint 't_a_key'"),
        ("CREATE TABLE t (a date)", "column 'a'"),
        ("CREATE TABLE t (a text, b int NOT NULL)", "column 'b'"),
        (
            "CREATE TABLE t (a text); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE '%', NEW.a USING ERRCODE = '23514'; END $$; "
            "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
            "check violation",
        ),
    ],
)
async def test_no_value_is_told(transfer, psql, left, source, target, make, told):
    """The server's own words hold rows, keys and texts."""
    psql(source, f"CREATE TABLE t (a text); INSERT INTO t VALUES ('{HIDDEN}'), ('{HIDDEN}')")
    psql(target, make)
    with pytest.raises(StatementFailed) as caught:
        await transfer("a", binary=False)
    assert told in caught.value.message
    assert "'t' of 'staging'" in caught.value.message
    assert HIDDEN not in f"{caught.value.as_dict()}" + "".join(traceback.format_exception(caught.value))
    assert await nothing_left(psql, left, source, target) == "0"


async def test_an_error_of_the_source_is_told_without_values_too(transfer, both, psql, left, source, target):
    """What the source computes fails there: its words come through the target."""
    both("CREATE TABLE t (a int)")
    psql(source, f"CREATE VIEW v AS SELECT a::int FROM (VALUES ('{HIDDEN}')) AS x(a)")
    with pytest.raises(StatementFailed, match="'t' of 'staging' failed: invalid text representation") as caught:
        await transfer("a", query="SELECT a FROM v")
    assert HIDDEN not in f"{caught.value.as_dict()}" + "".join(traceback.format_exception(caught.value))


async def test_an_address_that_the_target_cannot_reach(project, task_of, both, psql, left, source, target):
    """The setting for it is named, since the tool itself reaches the source well; with it, all works again."""
    both("CREATE TABLE t (a int)")
    psql(source, "INSERT INTO t VALUES (7)")
    project.config('[fdw]\nsource = "host=/nowhere/at/all"\n')
    async with open_context(project.root, registry=Registry()) as run:
        with pytest.raises(
            ServerUnreachable, match="cannot connect to 'production' at socket /nowhere/at/all"
        ) as caught:
            await FdwEngine().transfer(run, task_of("a"))
        assert "`source` in [fdw]" in (caught.value.hint or "")
        (survey,) = await FdwEngine().survey(run, [task_of("a")])
        assert (survey.obstacle, survey.hint) == (caught.value.message, caught.value.hint)
    elsewhere = msgspec.structs.replace(source, params={**source.params, "sslmode": "disable"})
    project.config(f'[fdw]\nsource = "host={source.params["host"]} sslmode=prefer"\nfetch_size = 3\n')
    async with open_context(project.root, registry=Registry()) as run:
        await FdwEngine().transfer(run, task_of("a", source=elsewhere))
    assert await nothing_left(psql, left, source, target) == "1"


async def test_the_address_as_the_target_uses_it(source):
    """Files of this machine and what is this process's own stay behind; secrets are none of the server's options."""
    params = {
        "host": "db.example", "hostaddr": "10.0.0.1", "port": "6432", "user": "u", "dbname": "d", "password": "p'w",
        "sslmode": "verify-full", "sslrootcert": "/home/me/root.crt", "sslkey": "/home/me/key", "sslpassword": "s",
        "options": "-c work_mem=1MB", "passfile": "/home/me/.pgpass", "application_name": "me",
    }  # fmt: skip
    place = msgspec.structs.replace(source, params=params)
    found = address_of(place, None, source_version=18)
    server = dict(found.server)
    options = server.pop("options")
    assert server == {
        "host": "db.example", "hostaddr": "10.0.0.1", "port": "6432", "dbname": "d", "sslmode": "verify-full",
        "connect_timeout": "10", "application_name": "confiture fdw",
    }  # fmt: skip
    assert (found.user, dict(found.secrets)) == ("u", {"password": "p'w", "sslpassword": "s"})
    assert options.startswith("-c work_mem=1MB -c ")
    assert "-c row_security=off" in options
    assert "p'w" not in repr(found)
    given = "postgresql://v@inside:5433/d?sslrootcert=/etc/ssl/root.crt"
    found = address_of(place, given, source_version=16)
    assert (found.server["host"], found.server["port"], found.user) == ("inside", "5433", "v")
    assert found.server["sslrootcert"] == "/etc/ssl/root.crt"
    assert "hostaddr" not in found.server
    assert "transaction_timeout" not in found.server["options"]
    assert "password" not in found.secrets  # that of another role
    assert found.shown == "inside:5433"


async def test_masks_are_refused(transfer, both):
    """They are made on the source or in the client; here, values would be in the target first."""
    both("CREATE TABLE t (a int)")
    with pytest.raises(Refused, match="before they are masked"):
        await transfer("a", masks=[Mask(column="a", expression="1")])


async def test_rows_that_a_policy_hides_are_an_error(logging_server, ctx, psql):
    """As with every engine: fewer rows than there are would be taken for all of them."""
    admin = logging_server.admin
    for name in ("hiding", "taking"):
        psql(admin, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        psql(admin, f"CREATE DATABASE {name} OWNER app")
        psql(admin.with_database(name), "CREATE TABLE t (a int); GRANT ALL ON t TO app")
    psql(admin.with_database("hiding"), "ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (a > 1)")
    task = TransferTask(
        source=logging_server.role("hiding", "production"), target=admin.with_database("taking"), table="t",
        columns=("a",), query="SELECT a FROM t",
    )  # fmt: skip
    with pytest.raises(ConfitureError, match="row-level security"):
        await FdwEngine().transfer(ctx, task)


async def test_progress_is_told_at_the_end(project, task_of, both, psql, source):
    """While an INSERT runs, nobody knows how far it is; its bytes are an estimate."""
    both("CREATE TABLE t (a int)")
    psql(source, "INSERT INTO t SELECT generate_series(1, 300)")
    events = []
    async with open_context(project.root, registry=Registry()) as run:
        run.emit = events.append
        report = await FdwEngine().transfer(run, task_of("a", step="copy.t", estimated_rows=250))
    told = [(event.step, event.done, event.total) for event in events if isinstance(event, Progress)]
    assert told == [("copy.t", 300, 250), ("copy.t.bytes", report.bytes, None)]
