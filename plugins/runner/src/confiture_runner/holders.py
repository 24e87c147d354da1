"""Who holds the locks that a statement waits for: never what they run, which may hold secrets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Holder", "holders_of"]

#: What is asked for by its rank among the modes (manual 13.3.2), from ACCESS SHARE to ACCESS EXCLUSIVE.
_MODES = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
#: The lowest mode that each conflicts with; all above do too, save for the two exceptions of SHARE.
_LOWEST_CONFLICT = {
    "SHARE UPDATE EXCLUSIVE": 3,
    "SHARE": 2,
    "SHARE ROW EXCLUSIVE": 2,
    "EXCLUSIVE": 1,
    "ACCESS EXCLUSIVE": 0,
}
#: A name may be that of an index: then its table is locked too. What is done to a table is done to its partitions.
_QUERY = """
WITH RECURSIVE named AS (
    SELECT oid FROM unnest($1::text[]) AS name, to_regclass(name) AS oid WHERE oid IS NOT NULL
), wanted AS (
    SELECT oid FROM named
    UNION SELECT i.indrelid FROM pg_catalog.pg_index i JOIN named ON i.indexrelid = named.oid
    UNION SELECT inhrelid FROM pg_catalog.pg_inherits JOIN wanted ON inhparent = wanted.oid
)
SELECT l.pid, coalesce(p.gid, '') AS prepared, a.usename AS role, a.application_name AS application,
    a.backend_type, a.state, coalesce(a.xact_start, p.prepared) AS since, a.query_start,
    l.relation::regclass::text AS relation, array_agg(DISTINCT l.mode) AS modes
FROM pg_catalog.pg_locks l
JOIN wanted ON l.relation = wanted.oid
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
LEFT JOIN pg_catalog.pg_locks x ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid'
    AND x.virtualtransaction = l.virtualtransaction
LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = x.transactionid
WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
GROUP BY l.pid, p.gid, p.prepared, a.usename, a.application_name, a.backend_type, a.state, a.xact_start,
    a.query_start, l.relation
ORDER BY since NULLS LAST, l.pid
"""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A session, or a prepared transaction, that has a lock on ``relation``; the server may hide the rest."""

    relation: str
    mode: str
    pid: int | None
    prepared: str = ""
    role: str | None = None
    application: str | None = None
    backend_type: str | None = None
    state: str | None = None
    since: datetime | None = None
    query_start: datetime | None = None

    def __str__(self) -> str:
        if self.pid is None:
            who = f"the prepared transaction {self.prepared!r}"
        elif self.role is None:
            who = f"{self.backend_type or 'a session'} (server process {self.pid})"
        else:
            who = f"{self.application or 'a session without a name'!r} (server process {self.pid}, role {self.role!r})"
        said = [f"{self.relation} is held in {self.mode} by {who}"]
        if self.since is not None:
            said.append(f"in a transaction since {self.since:%Y-%m-%d %H:%M:%S%z}")
        if self.state is not None:
            begun = f" since {self.query_start:%H:%M:%S%z}" if self.state == "active" and self.query_start else ""
            said.append(f"{self.state}{begun}")
        return ", ".join(said)


async def holders_of(connection: Connection, relations: Sequence[str], mode: str = "") -> list[Holder]:
    """Who has a lock on one of the relations; only what ``mode`` has to wait for, where that says it.

    A row's lock is not seen in the server's table of locks: who has one has a weak lock on its relation too.
    """
    if not relations:
        return []
    found = []
    for row in await connection.fetch(_QUERY, list(relations)):
        modes = sorted(row["modes"], key=lambda each: _MODES.index(each) if each in _MODES else -1)
        fields = {name: row[name] for name in Holder.__struct_fields__ if name not in ("mode",)}
        found.append(Holder(mode=modes[-1], **fields))
    lowest = _LOWEST_CONFLICT.get(mode, 0)
    conflicting = [each for each in found if each.mode in _MODES[lowest:]]
    return conflicting or found
