"""Commits that something on another server relies on: on disk when they are told, whatever the role's settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["durable"]

_DURABLE: Final = (
    "SELECT pg_catalog.set_config('synchronous_commit', 'local', true)"
    " WHERE pg_catalog.current_setting('synchronous_commit') = 'off'"
)


async def durable(connection: Connection) -> None:
    """Have the transaction that is open, and all before it, outlast a crash once it is committed.

    With ``synchronous_commit = off`` a crash takes back the last moment; the other server would not know of it.
    """
    await connection.execute(_DURABLE)
