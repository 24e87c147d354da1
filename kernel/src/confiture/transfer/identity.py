"""Which database the source is, and how far it is: what tells whether rows that were copied are still the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Position", "read_identity", "read_position"]

# Functions that a server's owner may have taken from everybody: asked only where that is not so, since an error would
# end the transaction. A standby that was promoted counts its transactions on from where it was: another timeline.
_SYSTEM = """
SELECT pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
   AND pg_catalog.has_function_privilege('pg_catalog.pg_control_checkpoint()', 'EXECUTE')
"""
_IDENTITY = """
SELECT s.system_identifier || '/' || c.timeline_id FROM pg_catalog.pg_control_system() s, pg_catalog.pg_control_checkpoint() c
"""  # noqa: E501
_ADDRESS = "SELECT coalesce(host(pg_catalog.inet_server_addr()) || ':' || pg_catalog.inet_server_port(), 'local')"
_DATABASE = (
    "SELECT oid::text || '/' || datname FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()"
)
_POSITION = """
SELECT s::text AS snapshot, pg_catalog.pg_snapshot_xmin(s)::text::bigint AS xmin,
       pg_catalog.pg_snapshot_xmax(s)::text::bigint AS xmax, pg_catalog.pg_is_in_recovery() AS standby
  FROM pg_catalog.pg_current_snapshot() AS s
"""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot of the source: transactions below ``xmin`` are over, those from ``xmax`` on had not begun."""

    snapshot: str
    xmin: int
    xmax: int
    standby: bool

    def may_follow(self, snapshot: str) -> bool:
        """Whether this one sees whatever the older ``snapshot`` saw, and its transactions can still be told apart.

        A standby may be behind another one of the same server, and tells nothing of which transactions are running.
        """
        xmin, xmax = (int(part) for part in snapshot.split(":")[:2])
        if self.xmax - xmin >= 1 << 31:  # the numbers in rows have 32 bits
            return False
        return self.xmin >= (xmax if self.standby else xmin) and self.xmax >= xmax


async def read_identity(connection: Connection) -> str:
    """Equal for two sessions of one database, and for no other."""
    known = await connection.fetchval(_SYSTEM)
    server: str = await connection.fetchval(_IDENTITY if known else _ADDRESS)
    database: str = await connection.fetchval(_DATABASE)
    return f"{server}/{database}"


async def read_position(connection: Connection) -> Position:
    """The snapshot that the session has."""
    row = await connection.fetchrow(_POSITION)
    return Position(**row)
