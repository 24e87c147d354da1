"""PgBouncer's admin console: it speaks the simple query protocol only, of which the driver keeps no rows."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from confiture.config.dsn import written
from confiture.errors import ConnectionLost, ExecutionError
from confiture.model import Target

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["Ask", "ConsoleRefused", "address", "console"]

_DATABASE = "pgbouncer"
_PORT = "6432"

#: Asks one thing, and gives the rows of its answer, by the names of their columns.
Ask = Callable[[str], Awaitable[list[dict[str, str | None]]]]


class ConsoleRefused(ExecutionError):
    """The console says no. Its message is PgBouncer's own."""


def address(admin: str) -> Target:
    """Where the console is, by what the string says, and PgBouncer's own defaults. Raises ``ConfigError``.

    No ``PG*`` variable is looked at: those are about the databases. A password may come from ``.pgpass``.
    """
    params = {"port": _PORT, "dbname": _DATABASE, "user": _DATABASE, **written(admin)}
    return Target(label="pgbouncer", params=params)


@asynccontextmanager
async def console(ctx: Context, admin: str) -> AsyncIterator[Ask]:
    """A connection to the console. What it is asked raises ``ConsoleRefused``, ``ConnectionLost``."""
    async with ctx.connect(address(admin)) as connection:

        async def ask(statement: str) -> list[dict[str, str | None]]:
            return await _ask(connection, statement)

        yield ask


async def _ask(connection: Connection, statement: str) -> list[dict[str, str | None]]:
    # The driver has made the connection, with TLS and the password as they were asked for; while it is idle it hears
    # nothing, so that somebody else can listen for one answer.
    driver: Any = connection
    transport = driver._transport
    usual = transport.get_protocol()
    answer = _Answer()
    transport.set_protocol(answer)
    try:
        transport.write(_message(statement))
        await answer.over
    except BaseException:
        connection.terminate()  # the rest of the answer may be on its way
        raise
    finally:
        transport.set_protocol(usual)
    if answer.refusal is not None:
        raise ConsoleRefused(f"PgBouncer says: {answer.refusal}")
    return answer.rows


def _message(statement: str) -> bytes:
    text = statement.encode() + b"\0"
    return b"Q" + struct.pack("!i", len(text) + 4) + text


class _Answer(asyncio.Protocol):
    """Hears one answer, up to ReadyForQuery (PostgreSQL manual, 54.7 "Message Formats")."""

    def __init__(self) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.rows: list[dict[str, str | None]] = []
        self.refusal: str | None = None
        self._columns: list[str] = []
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while len(self._rest) >= 5:
            (size,) = struct.unpack_from("!i", self._rest, 1)
            if len(self._rest) < size + 1:
                return
            kind, body, self._rest = self._rest[:1], self._rest[5 : size + 1], self._rest[size + 1 :]
            self._take(kind, body)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_exception(
                ConnectionLost(
                    f"the connection to PgBouncer's console was lost{f': {exc}' if exc else ''}",
                    hint="see whether PgBouncer runs, and its log",
                )
            )

    def _take(self, kind: bytes, body: bytes) -> None:
        if kind == b"T":
            self._columns = _columns(body)
        elif kind == b"D":
            self.rows.append(dict(zip(self._columns, _values(body), strict=True)))
        elif kind == b"E":
            fields = {field[:1]: field[1:] for field in body.split(b"\0") if field}
            self.refusal = fields.get(b"M", b"no reason").decode("utf-8", "replace")
        elif kind == b"Z" and not self.over.done():
            self.over.set_result(None)


def _columns(body: bytes) -> list[str]:
    names, at = [], 2
    for _ in range(struct.unpack_from("!h", body)[0]):
        end = body.index(b"\0", at)
        names.append(body[at:end].decode("utf-8", "replace"))
        at = end + 19  # the zero byte, and 18 bytes about the type
    return names


def _values(body: bytes) -> list[str | None]:
    values: list[str | None] = []
    at = 2
    for _ in range(struct.unpack_from("!h", body)[0]):
        (size,) = struct.unpack_from("!i", body, at)
        at += 4
        values.append(None if size < 0 else body[at : at + size].decode("utf-8", "replace"))
        at += max(size, 0)
    return values
