"""Sessions that read a database which others use: one snapshot, nothing written, values always in the same form."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import anyio

from confiture.errors import ConnectionLost, ExecutionError
from confiture.quoting import quote_literal
from confiture.translate import collapse

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["PINNED", "Snapshot", "exported_snapshot", "prepare_session", "reading", "set_local"]

#: So that a value has one text, whatever database, role or client says: the target reads what the source wrote, and
#: what is computed from a text, such as a keyed hash, is the same in every session. The same SQL means the same, too.
PINNED: Final[Mapping[str, str]] = {
    "DateStyle": "ISO, YMD",
    "TimeZone": "UTC",
    "IntervalStyle": "postgres",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    "xmloption": "content",
    "xmlbinary": "base64",
    "array_nulls": "on",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "quote_all_identifiers": "off",
}
#: Settings of the target's session that a task's statements after the rows find: how many it took, and their bytes.
TAKEN_ROWS: Final = "confiture.taken_rows"
TAKEN_BYTES: Final = "confiture.taken_bytes"
#: Copying takes as long as it takes, and one side waits for the other.
_UNLIMITED = {"statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}
_TRANSACTION_TIMEOUT_SINCE = 17
_SET = "SELECT pg_catalog.set_config(s.name, s.value, true) FROM unnest($1::text[], $2::text[]) AS s(name, value)"
#: What pg_export_snapshot() gives.
_SNAPSHOT = re.compile(r"[0-9A-Fa-f]{1,16}(-[0-9A-Fa-f]{1,16})+")
#: Well below what poolers, firewalls and load balancers take for dead.
_KEEP_ALIVE_S = 10.0


async def prepare_session(connection: Connection) -> None:
    """Take off the limits of time and pin the forms of values (:data:`PINNED`), for a transaction."""
    await _fix(connection, {})


async def _fix(connection: Connection, more: Mapping[str, str]) -> None:
    fixed = {**_UNLIMITED, **PINNED, **more}
    if connection.get_server_version()[0] >= _TRANSACTION_TIMEOUT_SINCE:
        fixed["transaction_timeout"] = "0"
    await connection.execute("; ".join(f"SET LOCAL {name} = {quote_literal(value)}" for name, value in fixed.items()))


async def set_local(connection: Connection, settings: Mapping[str, str]) -> None:
    """Set ``settings`` for a transaction. Names and values go as bind values: they are in no statement's text.

    Raises ``ExecutionError``, without a value.
    """
    import asyncpg

    if not settings:
        return
    try:
        await connection.fetch(_SET, list(settings), list(settings.values()))
    except (asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError):
        raise  # about no setting
    except asyncpg.PostgresError as error:
        failure = ExecutionError(
            f"the settings {', '.join(map(repr, settings))} could not all be set: {type(error).__name__}",
            hint="a setting of one's own has a name with a dot; others must be ones that the role may set",
            sqlstate=error.sqlstate,
        )
    else:
        return
    raise failure from None  # out of the handler: the driver's error holds the value


@asynccontextmanager
async def reading(
    ctx: Context, target: Target, *, snapshot: str | None = None, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Connection]:
    """A connection in one transaction that is REPEATABLE READ and READ ONLY, with ``settings`` (:func:`set_local`).

    It is prepared as :func:`prepare_session` does. ``snapshot`` is one that another session exported and still holds.
    Row-level security is off: a policy that hides rows makes a query fail, and never returns fewer of them. Raises
    ``ExecutionError`` where the snapshot is gone.
    """
    async with (
        ctx.connect(target) as connection,
        ctx.transaction(connection, isolation="repeatable_read", readonly=True),
    ):
        if snapshot is not None:
            await _import(connection, target, snapshot)  # no query may come before it
        await _fix(connection, {"row_security": "off"})
        await set_local(connection, settings or {})
        yield connection


async def _import(connection: Connection, target: Target, snapshot: str) -> None:
    import asyncpg

    gone = (asyncpg.InvalidParameterValueError, asyncpg.UndefinedObjectError, asyncpg.FeatureNotSupportedError)
    try:
        if not _SNAPSHOT.fullmatch(snapshot):
            raise asyncpg.InvalidParameterValueError("that is not how snapshots are named")
        await connection.execute(f"SET TRANSACTION SNAPSHOT {quote_literal(snapshot)}")
    except gone as error:
        raise ExecutionError(
            f"the snapshot {snapshot!r} of {target.label!r} is not there: {error}",
            hint="the session that exported it must live, in the same database: begin again",
            sqlstate=error.sqlstate,
        ) from error


class Snapshot:
    """A snapshot that a leading session exports for as long as the block lasts. ``id`` is what others import."""

    def __init__(self, snapshot: str, connection: Connection) -> None:
        self.id = snapshot
        self._connection = connection
        self._lock = anyio.Lock()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Connection]:
        """The leading session, for one task at a time: it sees what everybody sees who imports the snapshot."""
        async with self._lock:
            yield self._connection

    async def _keep_alive(self, every_s: float) -> None:
        import asyncpg

        while True:
            await anyio.sleep(every_s)
            async with self._lock:
                try:
                    await self._connection.execute("SELECT 1")
                except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
                    raise ConnectionLost(
                        f"the session that holds the snapshot {self.id!r} was lost: {type(error).__name__}",
                        hint="see the server's log for the reason, then run again",
                    ) from error


@asynccontextmanager
async def exported_snapshot(
    ctx: Context,
    target: Target,
    *,
    settings: Mapping[str, str] | None = None,
    keep_alive_s: float = _KEEP_ALIVE_S,
) -> AsyncIterator[Snapshot]:
    """Export a snapshot of ``target``, and hold it until the block ends. All who import it read the same rows.

    A statement every ``keep_alive_s`` seconds keeps the session from being taken for dead; when it is lost all the
    same, the block is cancelled and ``ConnectionLost`` raised, since nobody could import the snapshot any more.
    """
    async with reading(ctx, target, settings=settings) as connection:
        snapshot = Snapshot(await connection.fetchval("SELECT pg_catalog.pg_export_snapshot()"), connection)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(snapshot._keep_alive, keep_alive_s)
                yield snapshot
                group.cancel_scope.cancel()
        except BaseExceptionGroup as errors:  # what the block raises must come out as it is
            raise collapse(errors) from None
