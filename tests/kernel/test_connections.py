"""Connections and transactions: translated errors, and nothing left on the server however they end."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time

import anyio
import anyio.lowlevel
import asyncpg
import pytest

import pgserver
from cancelling import at_every_await
from confiture import errors
from confiture.config.dsn import to_uri
from confiture.connect import open_connection
from confiture.model import Target
from confiture.translate import translate
from deaf import network

pytestmark = pytest.mark.anyio

#: In this database: other tests sleep too.
SLEEPERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"


@pytest.fixture
async def outside(database):
    """A connection that looks on, of no run."""
    connection = await open_connection(database, {"application_name": "the judge"})
    yield connection
    await connection.close()


async def assert_no_sessions(outside) -> None:
    """A server process sees the end of its connection a moment later."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    deadline = time.monotonic() + 60
    while (left := await outside.fetchval(query)) and time.monotonic() < deadline:
        await anyio.sleep(0.01)
    assert left == 0


async def test_every_connection_is_closed_at_the_end_of_a_run(kernel_run, database, outside):
    """Also one whose block was never left, as in a generator that nobody finished."""
    async with kernel_run() as run:
        never_left = run.connect(database)
        connection = await never_left.__aenter__()
        async with run.connect(database) as other:
            assert not other.is_closed()
        assert other.is_closed()
        assert not connection.is_closed()
    assert connection.is_closed()
    await assert_no_sessions(outside)


async def test_a_connection_is_closed_when_its_block_raises(kernel_run, database, outside):
    """The error is the caller's own, untouched."""
    with pytest.raises(ZeroDivisionError):
        async with kernel_run() as run, run.connect(database):
            _ = 1 / 0
    await assert_no_sessions(outside)


async def test_settings_are_those_of_the_session_from_its_start(kernel_run, database):
    """A SET afterwards would be lost with the next RESET, and costs a round trip."""
    async with kernel_run() as run, run.connect(database, settings={"lock_timeout": "7s"}) as connection:
        assert await connection.fetchval("SHOW lock_timeout") == "7s"
        await connection.execute("RESET ALL")
        assert await connection.fetchval("SHOW lock_timeout") == "7s"


async def test_the_driver_does_not_ask_for_arrays_of_postgresql_s_own(database, outside):
    """They have the same numbers everywhere, and the question is dear. Judged by a session of the driver alone."""
    select = """SELECT $1::bool[] AS a, $2::"char"[] AS b, $3::name[] AS c, $4::int2[] AS d, $5::int4[] AS e,
        $6::int8[] AS f, $7::text AS g"""
    values = ([True, None], [b"x", b"y"], ["n", 'o "p"'], [[1, 2], [-3, None]], [1 << 30], [1 << 60, 0], "t")
    alone = await asyncpg.connect(to_uri(database.params), statement_cache_size=0)
    rows, asked = [], []
    for connection in (alone, outside):
        seen: list[str] = []
        connection.add_query_logger(lambda record, seen=seen: seen.append(record.query))
        rows.append(tuple(await connection.fetchrow(select, *values)))
        await anyio.lowlevel.checkpoint()
        asked.append(any("typeinfo" in query for query in seen))
    await alone.close()
    assert rows == [values, values]
    assert asked == [True, False]


async def test_a_session_says_whose_it_is(kernel_run, database):
    """An administrator looks at pg_stat_activity; who set a name of their own keeps it."""
    named = Target(label="t", params={**database.params, "application_name": "mine"})
    async with kernel_run() as run:
        async with run.connect(database) as connection:
            assert (await connection.fetchval("SHOW application_name")).startswith("confiture ")
        async with run.connect(named) as connection:
            assert await connection.fetchval("SHOW application_name") == "mine"


@pytest.mark.parametrize(
    ("name", "value"),
    [("PGPORT", "1"), ("PGSSLMODE", "verify-full"), ("PGHOST", "/none"), ("PGUSER", "nobody"), ("PGDATABASE", "none")],
)
async def test_variables_do_not_reach_a_target_that_is_complete(kernel_run, database, monkeypatch, name, value):
    """They are for a connection string of the user's; confiture's own server is not on the user's port."""
    monkeypatch.setenv(name, value)
    async with kernel_run() as run, run.connect(database) as connection:
        assert await connection.fetchval("SELECT current_database()") == database.database


async def test_a_service_is_resolved_once(kernel_run, database, monkeypatch, tmp_path):
    """The driver knows services too, and must not read the file by its own rules."""
    (tmp_path / "services").write_text(f"[shop]\nhost={database.params['host']}\nuser=postgres\ndbname=other\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGSERVICE", "shop")
    async with kernel_run() as run:
        params = run.resolve_url(f"dbname={database.database}")
        async with run.connect(Target(label="t", params=params)) as connection:
            assert await connection.fetchval("SELECT current_database()") == database.database


# -- transactions ---------------------------------------------------------------------------------------------------


async def test_a_transaction_commits(kernel_run, database, psql):
    """The plain case."""
    async with kernel_run() as run, run.connect(database) as connection, run.transaction(connection):
        await connection.execute("CREATE TABLE t ()")
    assert psql(database, "SELECT to_regclass('t')") == "t"


async def test_a_transaction_is_taken_back_on_an_error(kernel_run, database, psql):
    """And the connection can go on."""
    async with kernel_run() as run, run.connect(database) as connection:
        with pytest.raises(ZeroDivisionError):
            async with run.transaction(connection):
                await connection.execute("CREATE TABLE t ()")
                _ = 1 / 0
        assert not connection.is_in_transaction()
    assert psql(database, "SELECT to_regclass('t')") == ""


async def test_a_transaction_inside_another_is_a_savepoint(kernel_run, database, psql):
    """A provider need not know whether its caller has one open."""
    async with kernel_run() as run, run.connect(database) as connection, run.transaction(connection):
        await connection.execute("CREATE TABLE kept ()")
        with pytest.raises(ZeroDivisionError):
            async with run.transaction(connection):
                await connection.execute("CREATE TABLE lost ()")
                _ = 1 / 0
    assert psql(database, "SELECT relname FROM pg_class WHERE relname IN ('kept', 'lost')") == "kept"


async def test_isolation_and_readonly_reach_the_server(kernel_run, database):
    """An inspector must see one snapshot and change nothing."""
    async with (
        kernel_run() as run,
        run.connect(database) as connection,
        run.transaction(connection, isolation="repeatable_read", readonly=True),
    ):
        assert await connection.fetchval("SHOW transaction_isolation") == "repeatable read"
        assert await connection.fetchval("SHOW transaction_read_only") == "on"


async def test_a_commit_that_fails_is_an_error(kernel_run, database):
    """A deferred constraint speaks up only then; nobody may take the work for done."""
    with pytest.raises(errors.ExecutionError, match="violates foreign key") as raised:
        async with kernel_run() as run, run.connect(database) as connection:
            await connection.execute("CREATE TABLE t (id int PRIMARY KEY, r int REFERENCES t DEFERRABLE)")
            async with run.transaction(connection):
                await connection.execute("SET CONSTRAINTS ALL DEFERRED")
                await connection.execute("INSERT INTO t VALUES (1, 2)")
    assert raised.value.sqlstate == "23503"


async def test_a_commit_over_a_lost_connection_is_an_error(kernel_run, database, outside):
    """The one case in which silence would be taken for success."""
    with pytest.raises(errors.ConnectionLost):
        async with kernel_run() as run, run.connect(database) as connection, run.transaction(connection):
            await connection.execute("CREATE TABLE t ()")
            connection.terminate()
            await anyio.lowlevel.checkpoint()


# -- cancellation ---------------------------------------------------------------------------------------------------


async def test_cancelling_a_long_statement_leaves_no_session(kernel_run, database, outside):
    """Ctrl-C in the middle of an index build must stop the index build."""
    with anyio.CancelScope() as scope:
        async with kernel_run() as run, run.connect(database) as connection, anyio.create_task_group() as tasks:
            tasks.start_soon(connection.execute, "SELECT pg_sleep(3600)")
            while not await outside.fetchval(SLEEPERS):
                await anyio.sleep(0.01)
            scope.cancel()
    assert scope.cancelled_caught
    await assert_no_sessions(outside)


async def test_cancelling_anywhere_in_a_transaction_leaves_nothing(kernel_run, database, outside, psql):
    """At each await: while connecting, at BEGIN, inside, at the savepoint, at COMMIT. All or nothing, no session."""
    psql(database, "CREATE TABLE t (n int)")

    async def work():
        async with kernel_run() as run, run.connect(database) as connection, run.transaction(connection):
            await connection.execute("INSERT INTO t VALUES (1)")
            async with run.transaction(connection):
                await connection.execute("INSERT INTO t VALUES (2)")
            await connection.fetch("SELECT * FROM t")

    counts, number = set(), 0
    async for number in at_every_await(work):  # noqa: B007
        await assert_no_sessions(outside)
        counts.add(await outside.fetchval("SELECT count(*) FROM t"))
        await outside.execute("TRUNCATE t")  # also proves that no lock is left
    assert number > 5
    assert counts == {0, 2}


async def test_cancelling_inside_a_transaction_frees_the_connection_for_more(kernel_run, database):
    """A timeout around a part of the work must not spoil the rest."""
    async with kernel_run() as run, run.connect(database) as connection:
        with anyio.CancelScope() as scope:
            async with run.transaction(connection):
                await connection.execute("CREATE TABLE t ()")
                scope.cancel()
                await connection.execute("SELECT pg_sleep(3600)")
        assert scope.cancelled_caught
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SELECT to_regclass('t')") is None


async def test_a_request_to_cancel_that_got_lost_is_sent_again(kernel_run, database, outside, monkeypatch):
    """The server ignores one that overtakes its statement, which would run on for an hour, with its locks."""
    from asyncpg import connect_utils

    requests, send = [], connect_utils._cancel

    async def lose_the_first(**options) -> None:
        requests.append(options)
        if len(requests) > 1:
            await send(**options)

    monkeypatch.setattr(connect_utils, "_cancel", lose_the_first)
    async with kernel_run() as run, run.connect(database) as connection:
        with anyio.CancelScope() as scope:
            async with run.transaction(connection), anyio.create_task_group() as tasks:
                tasks.start_soon(connection.execute, "SELECT pg_sleep(3600)")
                while not await outside.fetchval(SLEEPERS):
                    await anyio.sleep(0.01)
                scope.cancel()
        assert await connection.fetchval("SELECT 1") == 1
    assert len(requests) > 1
    await assert_no_sessions(outside)


async def test_a_commit_is_not_cancelled(kernel_run, database, psql):
    """After a cancelled COMMIT nobody would know whether it took place."""
    with anyio.CancelScope() as scope:
        async with kernel_run() as run, run.connect(database) as connection, run.transaction(connection):
            await connection.execute("CREATE TABLE t ()")
            scope.cancel()
    assert psql(database, "SELECT to_regclass('t')") == "t"


async def test_a_task_of_plain_asyncio_can_be_cancelled_too(kernel_run, database, outside):
    """Programs that embed confiture know nothing of anyio's scopes."""

    async def work():
        async with kernel_run() as run, run.connect(database) as connection, run.transaction(connection):
            await connection.execute("CREATE TABLE t ()")
            await connection.execute("SELECT pg_sleep(3600)")

    task = asyncio.create_task(work())
    while not await outside.fetchval(SLEEPERS):
        await anyio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await assert_no_sessions(outside)
    assert await outside.fetchval("SELECT to_regclass('t')") is None


# -- errors ---------------------------------------------------------------------------------------------------------


async def failure(kernel_run, database, **params: str) -> errors.ConfitureError:
    changed = {key: value for key, value in {**database.params, **params}.items() if value}
    with pytest.raises(errors.ConfitureError) as raised:
        async with kernel_run() as run, run.connect(Target(label="shop", params=changed)):
            pass
    return raised.value


async def test_an_unreachable_server_is_named(kernel_run, database):
    """Environment, host, port and database: what a person needs to see the slip."""
    error = await failure(kernel_run, database, host="localhost", port="1", password="hunter2")
    assert isinstance(error, errors.ServerUnreachable)
    assert "the server of 'shop' at localhost:1" in error.message
    error = await failure(kernel_run, database, host="/nonexistent")
    assert isinstance(error, errors.ServerUnreachable)
    assert "socket /nonexistent" in error.message


async def test_a_host_that_does_not_exist_is_told_in_words(kernel_run, database):
    """The resolver has numbers of its own: as the system's they are an "unknown error -2"."""
    error = await failure(kernel_run, database, host="nowhere.invalid")
    assert isinstance(error, errors.ServerUnreachable)
    assert "nowhere.invalid:" in error.message
    assert "unknown error" not in error.message
    assert "name" in error.message.rpartition(": ")[2]


@pytest.mark.parametrize("password", ["hunter2", ""])
async def test_a_wrong_password_is_refused_and_never_shown(kernel_run, database, password):
    """Nor is the right one; and the hint says where passwords come from."""
    error = await failure(kernel_run, database, user=pgserver.PASSWORD_ROLE, password=password)
    assert isinstance(error, errors.AuthenticationFailed)
    shown = f"{error} {error.hint} {error.detail} {error!r}"
    assert "'shop'" in shown
    assert "hunter2" not in shown
    assert ".pgpass" in error.hint


async def test_a_password_of_any_characters_works(kernel_run, database):
    """It goes to the driver as it is, not through a URI."""
    target = Target(
        label="shop", params={**database.params, "user": pgserver.PASSWORD_ROLE, "password": pgserver.PASSWORD}
    )
    async with kernel_run() as run, run.connect(target) as connection:
        assert await connection.fetchval("SELECT current_user") == pgserver.PASSWORD_ROLE
        assert run.secrets == {pgserver.PASSWORD}


async def test_the_password_file_is_read(kernel_run, database, tmp_path, monkeypatch):
    """As libpq does, socket folders included."""
    file = tmp_path / "pgpass"
    quoted = pgserver.PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    host = database.params["host"].replace(":", "\\:")
    file.write_text(f"other:*:*:*:wrong\n{host}:*:*:{pgserver.PASSWORD_ROLE}:{quoted}\n")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    uri = to_uri({**database.params, "user": pgserver.PASSWORD_ROLE})
    async with kernel_run() as run:
        target = Target(label="shop", params=run.resolve_url(uri))
        async with run.connect(target) as connection:
            assert await connection.fetchval("SELECT current_user") == pgserver.PASSWORD_ROLE
        assert run.secrets == {pgserver.PASSWORD}
    judge = [pgserver.binaries() / "psql", "-wXAtc", "SELECT current_user", uri]
    assert subprocess.run(judge, capture_output=True, text=True).stdout == f"{pgserver.PASSWORD_ROLE}\n"


async def test_a_password_file_that_others_may_read_is_not_used_and_said_so(kernel_run, database, tmp_path):
    """As libpq does; without a word, the refused login would be a riddle."""
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:*:*:{pgserver.PASSWORD}\n")
    file.chmod(0o644)
    heard = []
    params = {**database.params, "user": pgserver.PASSWORD_ROLE, "passfile": str(file)}
    with pytest.raises(errors.AuthenticationFailed):
        async with kernel_run(observers=[heard.append]) as run, run.connect(Target(label="shop", params=params)):
            pass
    assert [event.message for event in heard] == [
        f"password file {str(file)!r} is not used: others than its owner may read it"
    ]


async def test_an_unknown_database_is_named(kernel_run, database):
    """It is not the server's fault."""
    error = await failure(kernel_run, database, dbname="nobody_made_this")
    assert isinstance(error, errors.DatabaseNotFound)
    assert "has no database 'nobody_made_this'" in error.message


@pytest.mark.parametrize(
    "params",
    [
        {"channel_binding": "require"},
        {"gssencmode": "require"},
        {"require_auth": "scram-sha-256"},
        {"requirepeer": "postgres"},
        {"sslcertmode": "require"},
    ],
    ids=lambda params: next(iter(params)),
)
async def test_a_demand_that_the_driver_cannot_meet_is_refused(kernel_run, database, params):
    """Leaving it out silently would weaken what was asked for."""
    error = await failure(kernel_run, database, **params)
    assert isinstance(error, errors.ConfigError)
    assert repr(next(iter(params))) in error.message


async def test_a_value_that_the_driver_refuses_is_a_matter_of_the_configuration(kernel_run, database):
    """Not of the server, which nobody has asked yet."""
    error = await failure(kernel_run, database, sslmode="requird", host="localhost")
    assert isinstance(error, errors.ConfigError)
    assert "sslmode" in error.message


@pytest.mark.parametrize(
    ("sql", "type_", "sqlstate"),
    [
        ("SELECT * FROM nothing", errors.ExecutionError, "42P01"),
        ("SET ROLE pg_monitor; DROP DATABASE template1", errors.ExecutionError, None),
        ("SET lock_timeout = 1; LOCK TABLE t", errors.Busy, "55P03"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", errors.ConnectionLost, None),
    ],
)
async def test_what_the_server_says_becomes_our_error(kernel_run, database, outside, sql, type_, sqlstate):
    """One place translates, so that no command has to know the driver."""
    await outside.execute("CREATE TABLE t ()")
    await outside.execute("BEGIN; LOCK TABLE t")
    with pytest.raises(type_) as raised:
        async with kernel_run() as run, run.connect(database) as connection:
            await connection.execute(sql)
    if sqlstate:
        assert raised.value.sqlstate == sqlstate
    await outside.execute("ROLLBACK")


def test_what_is_asked_of_a_connection_that_the_server_is_ending_finds_it_lost():
    """Between the server's FATAL and its end the driver speaks of its own states: that is no defect of ours.

    Made by hand: the moment lasts for microseconds (a loop of builds beside a loop of stops finds it).
    """
    error = asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress")
    assert isinstance(translate(error), errors.ConnectionLost)


async def test_a_missing_privilege_is_its_own_error(kernel_run, database):
    """Its exit code says that nothing was touched."""
    with pytest.raises(errors.PermissionMissing, match="permission denied"):
        async with kernel_run() as run, run.connect(database) as connection:
            await connection.execute("CREATE TABLE t (); SET ROLE pg_monitor; SELECT * FROM t")


async def test_a_slip_with_the_driver_is_not_taken_for_a_lost_connection(kernel_run, database):
    """The server's log would have nothing to say about it."""
    with pytest.raises(errors.InternalError, match="InterfaceError"):
        async with kernel_run() as run, run.connect(database) as connection:
            await connection.execute("SELECT $1::int", 1, 2)


async def test_a_server_that_is_gone_without_a_word_is_noticed(database):
    """By the system, in some minutes; who asks for other times, or for none of it, gets that."""
    async with network(database, tcp=True) as way:
        for more, expected in (
            ({}, (1, 60, 10, 6, 120_000)),
            ({"keepalives_idle": "7", "tcp_user_timeout": "9000"}, (1, 7, 10, 6, 9000)),
            ({"keepalives": "0"}, (0, None, None, None, 120_000)),
        ):
            connection = await open_connection(Target(label="t", params={**way.target.params, **more}))
            found = connection._transport.get_extra_info("socket")
            assert await connection.fetchval("SELECT 1") == 1
            options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE)]
            names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
            options += [(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
            for option, value in zip(options, expected, strict=True):
                assert value is None or found.getsockopt(*option) == value
            await connection.close()


async def test_an_exception_group_is_one_error_with_notes(kernel_run):
    """Callers need not know that anyio was at work."""

    async def fail(error: Exception) -> None:
        raise error

    with pytest.raises(errors.Busy, match="first") as raised:
        async with kernel_run(), anyio.create_task_group() as outer, anyio.create_task_group() as inner:
            outer.start_soon(fail, ValueError("another"))
            inner.start_soon(fail, errors.Busy("first"))
    assert raised.value.__notes__ == ["also: ValueError: another"]


async def test_ctrl_c_is_not_lost_in_a_group_of_cancellations():
    """It decides the exit code."""
    from confiture.translate import collapse

    group = BaseExceptionGroup("", [asyncio.CancelledError(), KeyboardInterrupt(), asyncio.CancelledError()])
    assert type(collapse(group)) is KeyboardInterrupt


@pytest.mark.parametrize(
    ("number", "type_"), [(28, errors.DiskFull), (13, errors.PermissionMissing), (30, errors.PermissionMissing)]
)
async def test_the_systems_errors_are_translated(kernel_run, number, type_):
    """A full disk and a file that may not be read are not defects."""
    with pytest.raises(type_, match=r"'out\.sql'"):
        async with kernel_run():
            raise OSError(number, "as the system says", "out.sql")


async def test_other_errors_stay_what_they_are(kernel_run):
    """A defect must keep its traceback."""
    with pytest.raises(KeyError):
        async with kernel_run():
            raise KeyError("x")
