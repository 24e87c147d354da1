"""The target is not the source, and may be written to."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import EnvironmentProtected, Refused
from confiture.model import WarningRaised

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context
    from confiture_sync.configuring import SyncFile
    from confiture_sync.model import SyncRequest

__all__ = ["check_sides", "is_local"]

# log_parameter_max_length: 0 keeps bind values out of the log; it came with PostgreSQL 13.
_FACTS = """
SELECT d.oid::bigint AS database, d.datname::text AS name, pg_catalog.pg_is_in_recovery() AS standby,
       pg_catalog.current_setting('transaction_read_only')::bool AS read_only,
       r.rolsuper AS superuser, r.rolsuper OR pg_catalog.pg_has_role('pg_execute_server_program', 'member') AS programs,
       pg_catalog.current_setting('log_parameter_max_length', true) IS DISTINCT FROM '0'
       AND (pg_catalog.current_setting('log_statement') = 'all'
            OR pg_catalog.current_setting('log_min_duration_statement') = '0') AS logs_values,
       pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute') AS may_identify
  FROM pg_catalog.pg_database d, pg_catalog.pg_roles r
 WHERE d.datname = pg_catalog.current_database() AND r.rolname = current_user
"""
_IDENTIFIER = "SELECT system_identifier FROM pg_catalog.pg_control_system()"
_HOLD = "SELECT pg_catalog.pg_advisory_xact_lock($1)"
_TRY = "SELECT pg_catalog.pg_try_advisory_xact_lock($1)"
#: Kinds and keys of rules whose SQL somebody wrote.
_SQL = "sql"


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a plain role can learn of the database that it is connected to. ``identifier``: of the cluster, if told."""

    database: int
    name: str
    standby: bool
    read_only: bool
    superuser: bool
    programs: bool
    logs_values: bool
    identifier: int | None = None


async def check_sides(ctx: Context, source: Target, target: Target, request: SyncRequest, file: SyncFile) -> None:
    """Raises ``Refused`` where both are one database, or the target is protected, or remote without an allowance.

    Also where the target takes no writes, or is what the source is a standby of. Warns of a source whose role could do
    more than read, and of one whose log would keep the key.
    """
    if target.protected:
        raise EnvironmentProtected(
            f"the environment {target.label!r} is protected: nothing is copied into it",
            hint="name another with --to; or remove `protected` from its file, if that is meant",
        )
    _refuse_remote(target, request, file)
    async with ctx.connect(source) as reads, ctx.connect(target) as writes:
        one, other = await _facts(ctx, reads), await _facts(ctx, writes)
        # Asked first: the standby of the source is read-only too, but that it is the source's is the graver mistake.
        if await _is_same(ctx, reads, writes):
            raise Refused(
                f"the target {_named(target)} is the source itself, the database {other.name!r}",
                hint="name two databases: what is copied would be masked and written over its own originals",
            )
    if one.standby and _same_cluster(one, other):
        raise Refused(
            f"the source {_named(source)} is a standby of the target's server: the target {_named(target)} is the "
            "source's primary",
            hint="name another target; production is not written to",
        )
    if other.standby or other.read_only:
        why = "is a standby" if other.standby else "is read-only (default_transaction_read_only)"
        raise Refused(f"the target {_named(target)} {why}", hint="name a database that can be written to with --to")
    _warn(ctx, source, one, file)


def is_local(params: Mapping[str, str]) -> bool:
    """Whether libpq's keywords lead to a socket or to this machine's loopback, whichever of several hosts answers."""
    hosts = (params.get("hostaddr") or params.get("host") or "").split(",")
    return all(_is_local_host(host.strip()) for host in hosts)


def _is_local_host(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse_remote(target: Target, request: SyncRequest, file: SyncFile) -> None:
    if request.allow_remote or target.managed or target.label in file.targets or is_local(target.params):
        return
    where = target.params.get("hostaddr") or target.params.get("host")
    named = request.target == target.label
    allowance = f", or `targets: [{target.label}]` in {file.shown or 'the file of rules'}" if named else ""
    raise Refused(
        f"the target {_named(target)} is not on this machine, but on {where!r}",
        hint=f"where that is meant: --allow-remote{allowance}",
    )


async def _facts(ctx: Context, connection: Connection) -> _Facts:
    async with ctx.transaction(connection):  # one server, through a pooler too
        row = await connection.fetchrow(_FACTS)
        identifier = await connection.fetchval(_IDENTIFIER) if row["may_identify"] else None
    values = {name: row[name] for name in _Facts.__struct_fields__ if name != "identifier"}
    return _Facts(**values, identifier=identifier)


async def _is_same(ctx: Context, source: Connection, target: Connection) -> bool:
    """Whether a lock that one holds is in the other's way.

    Advisory locks are a database's own: whatever host names, poolers and tunnels lead to it, and however many copies
    of its files there are with the same system identifier. On a standby they are the standby's. Nothing is written.
    """
    key = secrets.randbits(63)
    async with ctx.transaction(source, readonly=True), ctx.transaction(target, readonly=True):
        await source.execute(_HOLD, key)
        return not await target.fetchval(_TRY, key)


def _same_cluster(one: _Facts, other: _Facts) -> bool:
    """Where the cluster does not tell its identifier, the database's own number and name must do."""
    known = one.identifier is not None and other.identifier is not None
    return (one.database, one.name) == (other.database, other.name) and (
        not known or one.identifier == other.identifier
    )


def _warn(ctx: Context, source: Target, facts: _Facts, file: SyncFile) -> None:
    written = any(
        rule.kind == _SQL or rule.when is not None for columns in file.rules.values() for rule in columns.values()
    )
    if facts.programs and written:
        role = "a superuser" if facts.superuser else "a member of pg_execute_server_program"
        ctx.emit(
            WarningRaised(
                message=f"the role of the source {_named(source)} is {role}, and {file.shown or 'the file of rules'} "
                "has SQL in it: a function that it calls may do what reading does not need",
                hint="connect with a role that may only read: GRANT pg_read_all_data TO ...",
            )
        )
    if facts.logs_values:
        ctx.emit(
            WarningRaised(
                message=f"the source {_named(source)} logs all statements with their bind values: the masking key "
                "will be in its log",
                hint="ALTER ROLE ... SET log_parameter_max_length = 0 for the role that confiture connects with",
            )
        )


def _named(target: Target) -> str:
    """An environment by its name; a connection string, which has none, by its option and database."""
    return f"{target.database!r} ({target.label})" if target.label.startswith("--") else repr(target.label)
