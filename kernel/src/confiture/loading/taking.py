"""Takes off what is in the way of rows, and says on the target what it was, in one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from confiture.errors import Busy
from confiture.loading.keys import read_keys
from confiture.loading.parts import Thing, read_parts
from confiture.loading.records import Records
from confiture.transfer.sessions import prepare_session

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["altering", "qualify", "take", "take_keys"]

#: Somebody who looks at a table for longer than that is named rather than waited for.
_LOCK_TIMEOUT_S = 30
_LATER = "; SET LOCAL synchronous_commit = off"
_HOLDERS = """
SELECT DISTINCT l.pid, coalesce(nullif(a.application_name, ''), a.usename::text, '?') AS name
  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.granted AND l.pid <> pg_catalog.pg_backend_pid() AND l.relation = ANY($1::oid[])
   AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
 ORDER BY 1
"""


@asynccontextmanager
async def altering(
    ctx: Context, target: Target, connection: Connection, *, later: bool = False
) -> AsyncIterator[list[int]]:
    """A transaction whose statements take as long as they take, and wait for nobody's locks for long.

    ``later``: its end need not be on disk at once, since another transaction comes after it; what a crash of the
    server takes back then, it takes back with its record. Raises ``Busy`` for tables that others hold, naming who uses
    those whose OIDs are in the list that it gives.
    """
    import asyncpg

    oids: list[int] = []
    try:
        async with ctx.transaction(connection):
            await prepare_session(connection)
            await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_S}s'{_LATER if later else ''}")
            yield oids
    except asyncpg.LockNotAvailableError:
        holders = await connection.fetch(_HOLDERS, oids) if oids else []
        named = "".join(f"; process {row['pid']} ({row['name']}) uses one" for row in holders)
        raise Busy(
            f"tables of {target.label!r} are in use by another session{named}",
            hint="end it (pg_stat_activity shows what it does), or try again when it has ended",
        ) from None


async def take_keys(connection: Connection, records: Records, run: str, tables: Iterable[str]) -> None:
    """Take off the foreign keys of ``tables`` (names in SQL), in the transaction that is open."""
    parts = await read_parts(connection, list(tables))
    await qualify(connection)
    await take(connection, records, run, await read_keys(connection, parts))


async def qualify(connection: Connection) -> None:
    """Have the catalogs name every object with its schema."""
    await connection.execute("SET LOCAL search_path = ''")


async def take(connection: Connection, records: Records, run: str, things: Sequence[Thing]) -> None:
    """Take ``things`` off and keep in ``records`` what puts them back, in the transaction that is open.

    ``records`` must have been created. Things are taken in the order that they have.
    """
    if not things:
        return
    await records.add(connection, run, [record for thing in things for record in thing.records])
    await connection.execute("; ".join(thing.off for thing in things))
