"""Both servers and their settings: whether a migration can run there at all, and what would slow it down or end it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from confiture.errors import DatabaseNotFound
from confiture.sides import shown_side
from confiture.transfer import read_identity, reading
from confiture_schema_to_schema.model import Finding

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.values import Job

__all__ = ["check_servers", "check_source"]

#: What the catalogs are asked for is there since then.
_OLDEST = 12
#: A chunk is read in far less, a table without a key is not.
_STANDBY_DELAY_MS = 300_000
#: A checkpoint for each so many bytes of WAL is no hindrance below that.
_CHECKPOINTS = 16
_SETTINGS = """
SELECT pg_catalog.pg_is_in_recovery() AS standby,
       pg_catalog.current_setting('default_transaction_read_only') = 'on' AS readonly,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'max_standby_streaming_delay')::bigint AS delay_ms,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'idle_session_timeout')::bigint AS idle_ms,
       pg_catalog.max(s.setting) FILTER (WHERE s.name = 'max_wal_size')::bigint AS wal_mb
  FROM pg_catalog.pg_settings AS s
"""
_MAY_CREATE = "SELECT r.rolcreatedb OR r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user"


def _finding(level: Any, message: str, hint: str, check: str = "setting") -> Finding:
    return Finding(level=level, check=check, table="", message=message, hint=hint)


async def check_source(source: Connection, shown: str) -> list[Finding]:
    """Of the old database. ``shown`` is how messages name it."""
    found = _version(source, shown)
    row = await source.fetchrow(_SETTINGS)
    if row["standby"] and 0 <= (row["delay_ms"] or 0) < _STANDBY_DELAY_MS:
        found.append(
            _finding(
                "warning",
                f"{shown!r} is a standby that ends queries which hold back its replay for "
                f"{(row['delay_ms'] or 0) / 1000:g} s (max_standby_streaming_delay)",
                "raise it for the time of the copy, set hot_standby_feedback = on there, or copy from the primary",
            )
        )
    return found


async def check_servers(ctx: Context, job: Job, source: Connection) -> list[Finding]:
    """Of the new database's server, and whether both are one database."""
    shown = shown_side(job.sides.target)
    try:
        async with reading(ctx, job.sides.target) as target:
            found = await _check_target(job, target, shown)
            if await read_identity(target) == await read_identity(source):
                found.append(
                    _finding(
                        "error",
                        f"{shown_side(job.sides.source)!r} and {shown!r} are one database, by two addresses",
                        "the new schema needs a database of its own: name another one with --to",
                    )
                )
            return found
    except DatabaseNotFound:
        pass
    async with ctx.connect_maintenance(job.sides.target) as maintenance:
        found = await _check_target(job, maintenance, shown)
        if not await maintenance.fetchval(_MAY_CREATE):
            found.append(
                _finding(
                    "error",
                    f"the database {job.sides.target.database!r} is not there, and the role may not create it",
                    "ALTER ROLE ... CREATEDB, or create an empty database that the role owns",
                    "privilege",
                )
            )
        return found


async def _check_target(job: Job, target: Connection, shown: str) -> list[Finding]:
    found = _version(target, shown)
    row = await target.fetchrow(_SETTINGS)
    if row["standby"] or row["readonly"]:
        why = "is a standby" if row["standby"] else "takes no writes (default_transaction_read_only = on)"
        found.append(_finding("error", f"{shown!r} {why}", "name the primary's address, or take the setting back"))
    if row["idle_ms"]:
        found.append(
            _finding(
                "warning",
                f"sessions of {shown!r} that do nothing for {row['idle_ms'] / 1000:g} s are ended "
                "(idle_session_timeout), such as the one that keeps a second run away",
                "ALTER ROLE ... SET idle_session_timeout = 0 for the role that migrates",
            )
        )
    size_mb = sum(table.bytes + table.toast for table in _sources(job)) >> 20
    if row["wal_mb"] and size_mb > _CHECKPOINTS * row["wal_mb"]:
        found.append(
            _finding(
                "note",
                f"max_wal_size of {shown!r} is {row['wal_mb']} MB: to write some {size_mb} MB wants many checkpoints",
                "raise it for the time of the copy, such as to 16GB, where the disk has room",
            )
        )
    return found


def _sources(job: Job) -> list[Any]:
    labels = {part.source for table in job.tables for part in table.parts}
    return [table for label, table in job.old.tables.items() if label in labels]


def _version(connection: Connection, shown: str) -> list[Finding]:
    major = connection.get_server_version()[0]
    if major >= _OLDEST:
        return []
    return [
        _finding(
            "error", f"{shown!r} is PostgreSQL {major}", f"both sides need PostgreSQL {_OLDEST} or later", "engine"
        )
    ]
