"""Opens and closes connections: libpq's keywords to the driver's arguments, and an end that leaves nothing behind."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

import anyio

from confiture.config.dsn import to_uri
from confiture.errors import ConfigError
from confiture.model import Target
from confiture.translate import connection_error

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["address", "close_connection", "open_connection", "transaction"]

#: libpq's keywords that the driver has no use for: it has no GSS encryption, and leaves keep-alives to the system.
_IGNORED = frozenset(
    {"channel_binding", "client_encoding", "connect_timeout", "fallback_application_name", "gssencmode", "hostaddr"}
    | {"keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "load_balance_hosts", "password"}
    | {"require_auth", "service", "sslcompression", "sslnegotiation", "tcp_user_timeout", "application_name"}
)
#: Ignoring these would weaken what the user asked for.
_DEMANDS = {"channel_binding": "require", "gssencmode": "require"}
#: Long enough for a server across the world, short enough for a person who mistyped a host.
_CONNECT_TIMEOUT_S = 10.0
#: How long a shielded ROLLBACK or close may take before the socket is cut.
_CLEANUP_TIMEOUT_S = 10.0


def address(target: Target) -> str:
    """Host, port and database, as messages may show them: no role, no secret."""
    host = target.params.get("host", "")
    port = target.params.get("port", "5432")
    where = f"socket {host or 'default'}" if not host or host.startswith("/") else f"{host}:{port}"
    return f"{where}, database {target.database!r}"


async def open_connection(target: Target, settings: Mapping[str, str] | None = None) -> Connection:
    """A new connection. Raises ``ServerUnreachable``, ``AuthenticationFailed``, ``DatabaseNotFound``, ``ConfigError``.

    No prepared statement is kept on the server, so that a transaction-mode pooler can be in between.
    """
    import asyncpg

    params = dict(target.params)
    for key, demand in _DEMANDS.items():
        if params.get(key) == demand:
            raise ConfigError(f"{key}={demand} cannot be honoured by the driver", hint=f"remove {key}")
    if params.get("hostaddr"):
        params["host"] = params["hostaddr"]
    timeout_text = params.get("connect_timeout", "")
    timeout_s = float(timeout_text) if timeout_text.isdigit() and int(timeout_text) > 0 else _CONNECT_TIMEOUT_S
    uri = to_uri({key: value for key, value in params.items() if key not in _IGNORED})
    name = params.get("application_name") or f"confiture {os.getpid()}@{socket.gethostname()}"[:63]
    password: Any = params.get("password")
    try:
        connection: Connection = await asyncpg.connect(
            uri,
            password=password,
            timeout=timeout_s,
            statement_cache_size=0,
            server_settings={"application_name": name, **(settings or {})},
        )
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise connection_error(error, target.label, address(target), [params.get("password", "")]) from error
    return connection


async def close_connection(connection: Connection) -> None:
    """Close it; cut the socket where that takes too long. Shielded: no cancellation leaves a session behind."""
    if connection.is_closed():
        return
    with anyio.CancelScope(shield=True):
        with anyio.move_on_after(_CLEANUP_TIMEOUT_S):
            try:
                await connection.close()
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
    await block.start()
    try:
        yield
    except BaseException:
        await _end(connection, block.rollback)
        raise
    else:
        await _end(connection, block.commit, swallow=False)


async def _end(connection: Connection, step: Any, *, swallow: bool = True) -> None:
    if connection.is_closed():
        if swallow:
            return
        await step()  # raises the driver's own word for it
    with anyio.CancelScope(shield=True):
        with anyio.move_on_after(None if not swallow else _CLEANUP_TIMEOUT_S) as scope:
            try:
                await step()
            except Exception:
                if not swallow:
                    raise
                connection.terminate()
        if scope.cancelled_caught:
            connection.terminate()
