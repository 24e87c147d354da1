"""Commits of the source that others see are not yet on its disk, where its sessions do not wait for that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["flush"]

#: A commit that has written nothing is not waited for. No standby is waited for: a commit that was seen did that.
_FLUSH: Final = """
SELECT pg_catalog.set_config('synchronous_commit', 'local', true),
       pg_catalog.pg_logical_emit_message(true, 'confiture_flush', '')
"""


async def flush(connection: Connection) -> None:
    """Have all that was committed so far on the disk: a crash would take it back. No transaction may be open."""
    await connection.execute(_FLUSH)
