"""What the server says of its databases, and of what a role may do with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context

__all__ = ["Facts", "Session", "ask", "sessions"]

_FACTS = """
SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()) AS identifier,
       pg_catalog.current_database()::text AS here,
       ARRAY (SELECT d.datname::text FROM pg_catalog.pg_database d WHERE d.datname::text = ANY ($1::text[])) AS names,
       (SELECT r.rolsuper OR r.rolcreatedb FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_database d WHERE d.datname::text = ANY ($1::text[])
                          AND NOT pg_catalog.pg_has_role(d.datdba, 'usage')) AS able
"""
# As pg_signal_backend() decides it. A process of the server's own has no role, and leaves by itself.
_SESSIONS = """
SELECT a.pid, a.usename::text AS role, coalesce(a.application_name, '') AS application, a.datname::text AS database,
       me.rolsuper OR NOT r.rolsuper AND (pg_catalog.pg_has_role(r.oid, 'usage')
                                          OR pg_catalog.pg_has_role('pg_signal_backend', 'usage')) AS can_be_ended
  FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid,
       pg_catalog.pg_roles me
 WHERE a.datname::text = ANY ($1::text[]) AND a.pid <> pg_catalog.pg_backend_pid() AND me.rolname = current_user
 ORDER BY a.pid
"""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """``names``: which of those that were asked for exist. ``able``: the role may rename them. ``here``: from where."""

    identifier: int
    here: str
    names: frozenset[str]
    able: bool


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A client's. ``can_be_ended``: by the role that asks."""

    pid: int
    role: str
    application: str
    database: str
    can_be_ended: bool

    def __str__(self) -> str:
        named = f" ({self.application!r})" if self.application else ""
        return f"role {self.role!r}{named} in {self.database!r}, server process {self.pid}"


async def ask(ctx: Context, target: Target, *names: str) -> Facts:
    """What the role of ``target`` finds on its server, seen from the maintenance database."""
    async with ctx.connect_maintenance(target) as connection:
        row = await connection.fetchrow(_FACTS, list(names))
    return msgspec.convert({**dict(row), "names": frozenset(row["names"])}, Facts)


async def sessions(connection: Connection, names: list[str]) -> list[Session]:
    """The clients of these databases, without this connection."""
    return [msgspec.convert(dict(row), Session) for row in await connection.fetch(_SESSIONS, names)]
