"""The provider ``url``: a server that the user has. Nothing is started and nothing is stopped."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.config.dsn import resolve
from confiture.errors import ConfitureError, DatabaseNotFound, FeatureMissing
from confiture.model import ServerStatus, Target

if TYPE_CHECKING:
    from confiture.config import Environment
    from confiture.protocols import Connection, Context

__all__ = ["UrlServer"]

#: How the kernel's names for build options show in a running server, as a query that says whether it has it. The
#: collation "unicode" is of provider ICU in every build; those that initdb imported are not. TLS is not among them:
#: no statement of a schema needs it.
_FEATURES = {
    "icu": "SELECT EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i' AND collname LIKE '%-x-icu')",
    "lz4": "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'",
    "xml": "SELECT query_to_xml('SELECT 1', false, false, '') IS NOT NULL",
}


class UrlServer:
    """A :class:`confiture.protocols.Server` for a ``database_url`` and libpq's PG* variables."""

    async def acquire(self, ctx: Context, environment: Environment) -> Target:
        """Where the environment's database is. Nothing is connected to yet. Raises ``ConfigError``."""
        params = resolve(environment.database_url, os.environ)
        if environment.database is not None:
            params = {**params, "dbname": environment.database}
        return Target(label=environment.name, params=params, managed=False, protected=environment.protected)

    async def status(self, ctx: Context, environment: Environment) -> ServerStatus:
        """Whether the server answers, its version and since when it runs; else why it does not."""
        try:
            target = await self.acquire(ctx, environment)
        except ConfitureError as error:
            return ServerStatus(state="unreachable", address="", detail=str(error))
        address = _address(target)
        try:
            async with ctx.connect(target) as connection:
                version, since, size = await _facts(connection)
        except DatabaseNotFound as error:
            try:
                async with ctx.connect_maintenance(target) as connection:
                    version, since, _ = await _facts(connection)
            except ConfitureError:
                return ServerStatus(state="unreachable", address=address, detail=str(error))
            return ServerStatus(state="running", address=address, version=version, since=since, detail=str(error))
        except ConfitureError as error:
            return ServerStatus(state="unreachable", address=address, detail=str(error))
        return ServerStatus(state="running", address=address, version=version, since=since, size_bytes=size)

    async def stop(self, ctx: Context, environment: Environment) -> bool:
        """Never: the server is not confiture's. False."""
        return False

    async def check(self, ctx: Context, target: Target, features: Sequence[str], extensions: Sequence[str]) -> None:
        """Refuse a schema that needs an extension or build option that the server lacks. Raises ``FeatureMissing``."""
        features = [name for name in features if name in _FEATURES]
        if not features and not extensions:
            return
        async with ctx.connect_maintenance(target) as connection:
            available = {row["name"] for row in await connection.fetch("SELECT name FROM pg_available_extensions")}
            for name in extensions:
                if name not in available:
                    raise FeatureMissing(
                        f"the server of {target.label!r} has no extension {name!r}",
                        hint="install its package on the server (on Debian often postgresql-contrib), then run again",
                    )
            for name in features:
                if not await _has(connection, name):
                    raise FeatureMissing(
                        f"the server of {target.label!r} was built without {name}",
                        hint="use a server that was built with it",
                    )


async def _facts(connection: Connection) -> tuple[str, str | None, int | None]:
    """Version, start time (ISO 8601) and the database's bytes; the last two where the server tells."""
    version = str(await connection.fetchval("SHOW server_version")).split()[0]
    row = await connection.fetchrow(
        "SELECT pg_postmaster_start_time() AS since,"
        " CASE WHEN has_database_privilege(current_database(), 'CONNECT') THEN pg_database_size(current_database()) END"
        " AS size"
    )
    return (version, None, None) if row is None else (version, row["since"].isoformat(), row["size"])


async def _has(connection: Connection, feature: str) -> bool:
    from asyncpg import FeatureNotSupportedError

    try:
        return bool(await connection.fetchval(_FEATURES[feature]))
    except FeatureNotSupportedError:  # what PostgreSQL says of what it was built without
        return False


def _address(target: Target) -> str:
    """Host, port and database, without user or password."""
    params = target.params
    host = params.get("host") or params.get("hostaddr") or "local socket"
    return f"{host}:{params.get('port') or 5432}/{target.database}"
