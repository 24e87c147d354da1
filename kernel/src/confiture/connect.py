"""Opens and closes connections: libpq's keywords to the driver's arguments, and an end that leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

import anyio

from confiture.config.dsn import to_uri
from confiture.config.passfile import find_password
from confiture.errors import ConfigError
from confiture.model import Target
from confiture.translate import connection_error

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = [
    "CLEANUP_TIMEOUT_S",
    "address",
    "cancel_until",
    "close_connection",
    "open_connection",
    "roll_back",
    "settle",
    "transaction",
]

#: What the driver reads in a URI.
_DRIVER = frozenset(
    {"host", "port", "user", "dbname", "options", "target_session_attrs", "krbsrvname", "gsslib"}
    | {"sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl", "sslnegotiation"}
    | {"ssl_min_protocol_version", "ssl_max_protocol_version"}
)
#: What is given to the driver in another way, or what it does without: it always speaks UTF-8 and protocol 3.0, and
#: does what these ask for by itself.
_NOT_NEEDED = frozenset(
    {"application_name", "client_encoding", "connect_timeout", "fallback_application_name", "hostaddr", "password"}
    | {"passfile"}
    | {"keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "tcp_user_timeout", "service"}
    | {"load_balance_hosts", "gssdelegation", "sslcompression", "sslsni", "min_protocol_version"}
    | {"max_protocol_version", "sslkeylogfile"}
)
#: Values of keywords that the driver lacks but that ask for nothing it does not do.
_HARMLESS = {
    "channel_binding": {"disable", "prefer"},
    "gssencmode": {"disable", "prefer"},
    "sslcertmode": {"allow", "disable"},
    "replication": {"false", "off", "no", "0"},
}
#: libpq's keywords, the options of a socket that they are, and what holds where nobody says (seconds, a number, ms). A
#: server that is gone without a word, as after a failover, is noticed in two minutes: the system's own is two hours.
_ALIVE = (
    ("keepalives_idle", "TCP_KEEPIDLE", 60),
    ("keepalives_interval", "TCP_KEEPINTVL", 10),
    ("keepalives_count", "TCP_KEEPCNT", 6),
    ("tcp_user_timeout", "TCP_USER_TIMEOUT", 120_000),
)
#: Keeps the driver from reading .pgpass by its own rules, which are not libpq's.
_NO_FILE = f"{os.devnull}/none"
#: Long enough for a server across the world, short enough for a person who mistyped a host.
_CONNECT_TIMEOUT_S = 10.0
#: Cancel requests travel in milliseconds; one that was not heeded by then was ignored.
_CANCEL_AGAIN_S = 0.2
#: Array types of PostgreSQL's own, which have the same numbers everywhere: name, number, element's name and number.
#: The driver asks for each of them in each session, by a query over all types that costs more than most others.
_ARRAYS = (
    ("_bool", 1000, "bool", 16),
    ("_char", 1002, "char", 18),
    ("_name", 1003, "name", 19),
    ("_int2", 1005, "int2", 21),
    ("_int4", 1007, "int4", 23),
    ("_int8", 1016, "int8", 20),
)
#: How long a shielded ROLLBACK or close may take before the socket is cut.
CLEANUP_TIMEOUT_S = 10.0


def address(target: Target) -> str:
    """Host and port, as messages may show them: no role, no secret."""
    host = target.params.get("host", "")
    port = target.params.get("port", "5432")
    return f"socket {host or 'default'}" if not host or host.startswith("/") else f"{host}:{port}"


async def open_connection(target: Target, settings: Mapping[str, str] | None = None) -> Connection:
    """A new connection. Raises ``ServerUnreachable``, ``AuthenticationFailed``, ``DatabaseNotFound``, ``ConfigError``.

    No prepared statement is kept on the server, so that a transaction-mode pooler can be in between.
    """
    import asyncpg

    params = dict(target.params)
    for key in sorted(params.keys() - _DRIVER - _NOT_NEEDED):
        # Anything else is a demand, and leaving it out would weaken what was asked for.
        if params[key] not in _HARMLESS.get(key, ()):
            raise ConfigError(
                f"the connection keyword {key!r} of {target.label!r} cannot be honoured by the driver",
                hint=f"remove {key!r}, or its PG* variable, if the connection is safe enough without",
            )
    if params.get("hostaddr"):
        params["host"] = params["hostaddr"]
    # A target is complete: what it leaves out is the default, where the driver would look at PGPORT and PGSSLMODE.
    params.setdefault("port", "5432")
    params.setdefault("sslmode", "prefer")
    timeout_text = params.get("connect_timeout", "")
    timeout_s = float(timeout_text) if timeout_text.isdigit() and int(timeout_text) > 0 else _CONNECT_TIMEOUT_S
    uri = to_uri({key: value for key, value in params.items() if key in _DRIVER})
    named = params.get("application_name") or params.get("fallback_application_name")
    name = named or f"confiture {os.getpid()}@{socket.gethostname()}"[:63]
    password = params.get("password") or find_password(params).password
    try:
        connection: Connection = await asyncpg.connect(
            uri,
            password=password,
            passfile=_NO_FILE,
            timeout=timeout_s,
            statement_cache_size=0,
            server_settings={"application_name": name, **(settings or {})},
        )
    except (
        OSError,
        ValueError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
    ) as error:
        raise connection_error(
            error, target.label, target.database, address(target), [params.get("password", "")]
        ) from error
    _keep_alive(connection, params)
    _tell_arrays(connection)
    return connection


def _keep_alive(connection: Connection, params: Mapping[str, str]) -> None:
    """Have the system ask from time to time whether the server is there: who waits for its answer would wait for ever.

    A system that has not all of these options does with those that it has.
    """
    driver: Any = connection
    with suppress(AttributeError, OSError):
        found = driver._transport.get_extra_info("socket")
        if found.family not in (socket.AF_INET, socket.AF_INET6):
            return
        asked = params.get("keepalives", "1") != "0"
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, asked)
        for keyword, option, usual in _ALIVE:
            given = params.get(keyword, "")
            value = int(given) if given.isdigit() else usual
            if value and hasattr(socket, option) and (asked or keyword == "tcp_user_timeout"):
                found.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _tell_arrays(connection: Connection) -> None:
    """Tell the driver what it would ask the server for.

    By a call that is asyncpg's own: a version that has it not, or wants it otherwise, goes on asking.
    """
    driver: Any = connection
    with suppress(AttributeError, LookupError, TypeError, ValueError):
        driver._protocol.get_settings().register_data_types(
            [
                {"oid": oid, "ns": "pg_catalog", "name": name, "elemtype": number, "elemtype_name": element}
                | {"kind": b"b", "elemdelim": ",", "basetype": None, "range_subtype": None, "attrtypoids": None}
                for name, oid, element, number in _ARRAYS
            ]
        )


async def close_connection(connection: Connection) -> None:
    """Close it; cut the socket where that takes too long. Shielded: no cancellation leaves a session behind."""
    if connection.is_closed():
        return
    with anyio.CancelScope(shield=True):
        with anyio.move_on_after(CLEANUP_TIMEOUT_S):
            try:
                await _after_cancelling(connection, connection.close)
            except Exception:  # the server may be gone already; the socket is cut below
                connection.terminate()
        if not connection.is_closed():
            connection.terminate()


@asynccontextmanager
async def transaction(
    connection: Connection,
    *,
    isolation: Literal["read_committed", "read_uncommitted", "repeatable_read", "serializable"] | None = None,
    readonly: bool = False,
) -> AsyncIterator[None]:
    """A transaction (a savepoint inside of another) whose end is shielded; the socket is cut on doubt.

    Both ends are shielded: a ROLLBACK that is cancelled leaves the backend idle in transaction with its locks, and
    a COMMIT that is cancelled leaves nobody knowing whether it took place (sqlalchemy #8145, asyncpg #98).
    """
    driver: Any = connection  # the Protocol hides transaction() from plugins
    block = driver.transaction(isolation=isolation, readonly=readonly)
    try:
        await block.start()
    except Exception:
        raise
    except BaseException:
        connection.terminate()  # nobody knows whether BEGIN came through
        raise
    try:
        yield
    except BaseException:
        await _end(connection, block.rollback)
        raise
    else:
        await _end(connection, block.commit, swallow=False)


async def roll_back(connection: Connection) -> None:
    """End a transaction that was begun by hand, if one is open. Shielded; the socket is cut on doubt."""

    async def step() -> None:
        # Only when a cancelled message is through, is it known whether it left a transaction open.
        driver: Any = connection
        await driver._protocol._wait_for_cancellation()
        if connection.is_in_transaction():
            await connection.execute("ROLLBACK")

    await _end(connection, step)


async def settle(
    connection: Connection, step: Callable[[], Coroutine[Any, Any, Any]], *, within_s: float = CLEANUP_TIMEOUT_S
) -> bool:
    """Do ``step``, shielded, also where a cancelled statement is still in its way; whether it was done in time.

    For what must be put in order outside of transactions. What ``step`` raises is raised.
    """
    if connection.is_closed():
        return False
    with anyio.CancelScope(shield=True), anyio.move_on_after(within_s):
        await _after_cancelling(connection, step)
        return True
    return False


async def cancel_until(connection: Connection, over: anyio.Event) -> None:
    """Ask the server to cancel what the connection runs, again and again until ``over``; cut the socket on doubt.

    Shielded. The statement's own call must be shielded as well: it raises what the server says of it, or returns where
    that was over already. (Cancelling a call of the driver's in the middle of a COPY out leaves it waiting for an
    answer that has come already, or losing the next one.)
    """
    driver: Any = connection
    with anyio.CancelScope(shield=True):
        with anyio.move_on_after(CLEANUP_TIMEOUT_S):
            while not over.is_set() and not driver.is_closed():
                await driver._cancel(asyncio.get_running_loop().create_future())
                with anyio.move_on_after(_CANCEL_AGAIN_S):
                    await over.wait()
        if not over.is_set():
            connection.terminate()


async def _after_cancelling(connection: Connection, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Do ``step``; where a cancelled statement is still in its way, ask the server again to cancel that.

    The driver asks once. PostgreSQL ignores a request that overtakes its statement (manual, 54.2.8), which would then
    run on, with its locks, and keep running when the socket is cut.
    """
    driver: Any = connection
    if driver.is_closed() or not driver._protocol._is_cancelling():
        await step()
        return
    task = asyncio.ensure_future(step())
    try:
        while not (await asyncio.wait({task}, timeout=_CANCEL_AGAIN_S))[0]:
            if not driver.is_closed() and driver._protocol._is_cancelling():
                await driver._cancel(asyncio.get_running_loop().create_future())
    finally:
        task.cancel()
    task.result()


async def _end(connection: Connection, step: Any, *, swallow: bool = True) -> None:
    if connection.is_closed() and swallow:
        return
    with anyio.CancelScope(shield=True):
        with anyio.move_on_after(None if not swallow else CLEANUP_TIMEOUT_S) as scope:
            try:
                await _after_cancelling(connection, step)
            except Exception:
                if not swallow:
                    raise
                connection.terminate()
        if scope.cancelled_caught:
            connection.terminate()
