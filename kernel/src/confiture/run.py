"""One run: the services that providers use, and the end that leaves nothing behind."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import msgspec

from confiture import connect as _connect
from confiture.bus import Bus
from confiture.config import Environment, Project
from confiture.config.dsn import resolve
from confiture.config.environment import load_environment
from confiture.config.passfile import find_password
from confiture.config.project import ScratchConfig
from confiture.connect import CLEANUP_TIMEOUT_S
from confiture.elsewhere import in_environment
from confiture.errors import AuthenticationFailed, ConfigError, DatabaseNotFound, PermissionMissing, ServerUnreachable
from confiture.hooks import MEDIUM, SERVER, Kind
from confiture.locks import acquire_lock, end_lost, is_pooled, unlock
from confiture.model import Event, Note, Target, WarningRaised
from confiture.temporary import temporary_database

if TYPE_CHECKING:
    from confiture.model import Hazard, Plan
    from confiture.protocols import Connection, Context
    from confiture.registry import Registry

__all__ = ["SCRATCH", "Run"]

P = TypeVar("P")
S = TypeVar("S")

#: pg_hba.conf lets the role into some databases only: another may do. (A wrong password is 28P01.)
NOT_ALLOWED = "28000"
#: The environment's name under which servers are asked for scratch databases.
SCRATCH = "scratch"
#: The server has no connection left.
TOO_MANY_CONNECTIONS = "53300"
#: How long the server is looked for, where a session with a lock was lost.
_LOST_S = 2.0
#: How often a server of confiture's own is tried, where it goes between being asked for and the connection.
_ACQUIRES = 4


class Run:
    """Implements :class:`confiture.protocols.Context`. Made by ``Kernel.run()``, ended by leaving that block."""

    def __init__(self, project: Project, registry: Registry, bus: Bus, environment: Environment | None) -> None:
        self.run_id = secrets.token_hex(4)
        self.project = project
        self.bus = bus
        self._registry = registry
        self._environment = environment
        self._providers: dict[tuple[str, str], Any] = {}
        self._targets: dict[Environment, Target] = {}
        self._managed: dict[tuple[str, str], Environment] = {}
        self._maintenance: dict[str, str] = {}
        self._idle: dict[str, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._lost: dict[tuple[str, str, str], int] = {}
        self._secrets: set[str] = set()
        self._complaints: set[str] = set()

    # -- values ---------------------------------------------------------------------------------------------------

    @property
    def secrets(self) -> frozenset[str]:
        """What must not appear in any message: the passwords seen so far."""
        return frozenset(self._secrets)

    @property
    def environment(self) -> Environment:
        """The environment that the run was started for; ``local`` where none was named."""
        if self._environment is None:
            self._environment = load_environment(self.project, "local")
        return self._environment

    def emit(self, event: Event) -> None:
        """See ``Context.emit``."""
        self.bus.emit(event)

    def get(self, kind: Kind[P], name: str) -> P:
        """See ``Context.get``."""
        key = (kind.name, name)
        if key not in self._providers:
            self._providers[key] = self._registry.create(kind, name)
        provider: P = self._providers[key]
        return provider

    def names(self, kind: Kind[Any]) -> tuple[str, ...]:
        """The names of a kind that can be asked for."""
        return self._registry.names(kind)

    def settings(self, section: str, type_: type[S]) -> S:
        """See ``Context.settings``."""
        return self.project.section(section, type_)

    def review(self, plan: Plan) -> tuple[Hazard, ...]:
        """See ``Context.review``."""
        return self._registry.review(plan)

    # -- databases ------------------------------------------------------------------------------------------------

    async def target(self, environment: Environment | str | None = None) -> Target:
        """See ``Context.target``."""
        if isinstance(environment, str):
            environment = load_environment(self.project, environment)
        environment = environment or self.environment
        if environment not in self._targets:
            await self._acquire(environment)
        return self._targets[environment]

    async def _acquire(self, environment: Environment) -> Target:
        found = await self.get(SERVER, environment.server_name).acquire(self, environment)
        found = msgspec.structs.replace(found, protected=environment.protected)
        self._targets[environment] = found
        if found.managed:
            self._managed[_place(found)] = environment
        return found

    @asynccontextmanager
    async def connect(
        self, target: Target, *, database: str | None = None, settings: Mapping[str, str] | None = None
    ) -> AsyncIterator[Connection]:
        """See ``Context.connect``."""
        connection = await self._connect(target if database is None else target.with_database(database), settings)
        try:
            yield connection
        finally:
            self._open.discard(connection)
            await _connect.close_connection(connection)

    async def _connect(self, target: Target, settings: Mapping[str, str] | None = None) -> Connection:
        if not target.params.get("password"):
            found = find_password(target.params)
            if found.complaint and found.complaint not in self._complaints:
                self._complaints.add(found.complaint)
                self.emit(WarningRaised(message=found.complaint, hint="chmod 600 it"))
            if found.password:
                target = msgspec.structs.replace(target, params={**target.params, "password": found.password})
        if password := target.params.get("password"):
            self._secrets.add(password)
        connection = await self._open_connection(target, settings)
        self._open.add(connection)
        return connection

    async def _open_connection(self, target: Target, settings: Mapping[str, str] | None) -> Connection:
        """A connection; a server of confiture's own that has gone since it was asked for is started again.

        A run may last for hours: meanwhile the server may have ended itself, been stopped, or moved.
        """
        for _ in range(_ACQUIRES):
            try:
                return await _connect.open_connection(target, settings)
            except ServerUnreachable as error:
                environment = self._managed.get(_place(target)) if target.managed else None
                if environment is None or error.sqlstate == TOO_MANY_CONNECTIONS:
                    raise
                last = error
            found = await self._acquire(environment)
            target = msgspec.structs.replace(target, params={**found.params, "dbname": target.database})
        raise ServerUnreachable(
            f"the server of {target.label!r} went away {_ACQUIRES} times before it could be connected to",
            hint="another process stops it (`confiture server stop`), or it fails: see `confiture server status` and "
            "its log, then run again",
            detail=last.message,
        ) from last

    @asynccontextmanager
    async def connect_maintenance(self, target: Target) -> AsyncIterator[Connection]:
        """See ``Context.connect_maintenance``. Connections are used again within the run: each costs 5 ms."""
        server = ":".join(target.params.get(key, "") for key in ("host", "port", "user"))
        idle = self._idle.setdefault(server, [])
        connection = idle.pop() if idle else None
        if connection is None or connection.is_closed():
            connection = await self._open_maintenance(target, server)
        try:
            yield connection
            if connection.is_closed():  # the server went away meanwhile, and what it was for is done
                self._open.discard(connection)
                return
            await connection.execute("SELECT pg_advisory_unlock_all(); RESET ALL")
        except BaseException:
            # In doubt: a lock that it holds must not stay.
            self._open.discard(connection)
            await _connect.close_connection(connection)
            raise
        idle.append(connection)

    async def _open_maintenance(self, target: Target, server: str) -> Connection:
        known = self._maintenance.get(server)
        refusal: AuthenticationFailed | None = None
        for name in (known,) if known else ("postgres", "template1", target.database):
            try:
                connection = await self._connect(target.with_database(name))
            except (DatabaseNotFound, PermissionMissing):
                continue
            except AuthenticationFailed as error:
                if error.sqlstate != NOT_ALLOWED:
                    raise
                refusal = refusal or error  # of this database by pg_hba.conf, or of a role that does not exist
                continue
            self._maintenance[server] = name
            return connection
        if refusal is not None:
            raise refusal
        raise DatabaseNotFound(
            f"no maintenance database of {target.label!r} can be connected to",
            hint="one of postgres, template1 and the database itself must exist and allow the role",
        )

    def transaction(self, connection: Connection, *, isolation: Any = None, readonly: bool = False) -> Any:
        """See ``Context.transaction``."""
        return _connect.transaction(connection, isolation=isolation, readonly=readonly)

    @asynccontextmanager
    async def lock(self, target: Target, key: str, *, wait_s: float = 0.0) -> AsyncIterator[None]:
        """See ``Context.lock``. Through a transaction-mode pooler there are no such locks: a warning says so."""
        async with self.connect_maintenance(target) as connection:
            if await is_pooled(connection):
                self.emit(
                    WarningRaised(
                        message=f"{target.label!r} is reached through a transaction-mode pooler: no lock is taken",
                        hint="connect to the server itself, so that two runs at once cannot meet",
                    )
                )
                yield
                return

            def tell(held: str) -> None:
                self.emit(Note(message=f"{held}; waiting for {wait_s:g} s at most"))

            place = (*_place(target), key)
            await acquire_lock(connection, key, wait_s, waiting=tell, lost=self._lost.pop(place, None))
            pid, given_back = connection.get_server_pid(), False
            try:
                yield
            finally:
                # Not left to the session's end, which the server sees later than the next run may come.
                with anyio.CancelScope(shield=True), anyio.move_on_after(CLEANUP_TIMEOUT_S), suppress(Exception):
                    await unlock(connection, key)
                    given_back = True
                if not given_back:
                    self._lost[place] = pid
                    with anyio.CancelScope(shield=True), anyio.move_on_after(_LOST_S), suppress(Exception):
                        async with self.connect_maintenance(target) as another:
                            await end_lost(another, key, pid)

    @asynccontextmanager
    async def scratch(self, label: str = "scratch") -> AsyncIterator[Target]:
        """See ``Context.scratch``."""
        async with temporary_database(self, await self.scratch_server(), label) as (target, _):
            yield target

    async def scratch_server(self) -> Target:
        """The server that scratch databases live on: ``[scratch] url``, else a server of confiture's own.

        Never an environment's: old DDL may hold CREATE ROLE or ALTER SYSTEM.
        """
        config = self.settings(SCRATCH, ScratchConfig)
        environment = Environment(name=SCRATCH, database_url=config.url, server=None if config.url else config.server)
        return await self.target(environment)

    def resolve_url(self, url: str | None, *, file: str | None = None) -> dict[str, str]:
        """Libpq's keywords for a connection string, its password remembered for redaction."""
        params = resolve(url, os.environ, file=file)
        if password := params.get("password"):
            self._secrets.add(password)
        return params

    # -- mediums --------------------------------------------------------------------------------------------------

    async def start(
        self, medium: str, request: Any = None, *, environment: Environment | str | None = None, **values: Any
    ) -> Any:
        """Run a medium and return its report. ``values`` become its request, where ``request`` is not given.

        ``environment``: what that medium takes for the run's own. Raises ``ConfigError`` for a value that the request
        does not have, ``UnknownEnvironment``.
        """
        ctx: Context = self
        if environment is not None:
            if isinstance(environment, str):
                environment = load_environment(self.project, environment)
            ctx = in_environment(self, environment)
        provider = self.get(MEDIUM, medium)
        if request is None:
            known = {field.name for field in msgspec.structs.fields(provider.request_type)}
            if unknown := sorted(set(values) - known):
                raise ConfigError(f"{medium} takes no {unknown[0]!r}", hint=f"it takes: {', '.join(sorted(known))}")
            values = {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}
            try:
                request = msgspec.convert(values, provider.request_type)
            except msgspec.ValidationError as error:
                raise ConfigError(f"{medium}: {error}") from error
        elif values or not isinstance(request, provider.request_type):
            raise ConfigError(f"{medium} takes one {provider.request_type.__name__}, or its fields as keywords")
        return await provider.run(ctx, request)

    async def aclose(self) -> None:
        """Close whatever is still open. Shielded."""
        with anyio.CancelScope(shield=True):
            async with anyio.create_task_group() as group:
                for connection in tuple(self._open):
                    group.start_soon(_connect.close_connection, connection)
        self._open.clear()
        self.bus.close()


def _place(target: Target) -> tuple[str, str]:
    return target.params.get("host", ""), target.params.get("port", "")
