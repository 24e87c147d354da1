"""Databases for tests: the project's schema is built once, and each test gets a copy."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import anyio.from_thread
import msgspec

from confiture.config import Environment, Project
from confiture.config.dsn import to_uri
from confiture.config.environment import environment_names, load_environment
from confiture.connect import close_connection, open_connection
from confiture.errors import EnvironmentProtected
from confiture.kernel import Kernel
from confiture.locks import try_lock, unlock
from confiture.model import Target
from confiture.quoting import quote_ident
from confiture.temporary import TEMPORARY_PREFIX, copy_strategy, guard_session

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal

    from confiture.protocols import Connection
    from confiture.run import Run

__all__ = ["Databases", "TestDatabase", "open_databases"]

R = TypeVar("R")


class TestDatabase:
    """A database for one test.

    ``name`` is the database's, ``url`` what programs connect to (a libpq URI, with the password where there is one).
    """

    __test__ = False  # not a class of tests, whatever its name looks like to pytest

    def __init__(self, target: Target, portal: BlockingPortal) -> None:
        self.target = target
        self._portal = portal

    @property
    def name(self) -> str:
        """The database's name."""
        return self.target.database

    @property
    def url(self) -> str:
        """The database as a libpq URI. It may hold a password."""
        return to_uri(self.target.params, password=True)

    def __repr__(self) -> str:
        return f"TestDatabase(name={self.name!r})"

    def execute(self, sql: str, *args: Any) -> str:
        """Run one statement with arguments, or several without; the last command tag."""
        return self._wait(lambda connection: connection.execute(sql, *args))

    def fetch(self, sql: str, *args: Any) -> list[Any]:
        """All rows of a query, as asyncpg's records."""
        return self._wait(lambda connection: connection.fetch(sql, *args))

    def fetchval(self, sql: str, *args: Any) -> Any:
        """One value of the first row, or None."""
        return self._wait(lambda connection: connection.fetchval(sql, *args))

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        """A connection of asyncpg for async tests, closed at the end of the block."""
        connection = await open_connection(self.target)
        try:
            yield connection
        finally:
            await close_connection(connection)

    def _wait(self, use: Callable[[Connection], Coroutine[Any, Any, R]]) -> R:
        async def call() -> R:
            async with self.connect() as connection:
                return await use(connection)

        return self._portal.call(call)


class Databases:
    """Copies of one template, each guarded by an advisory lock: what a killed session leaves, the next run drops."""

    def __init__(self, run: Run, portal: BlockingPortal, guard: Connection, template: Target) -> None:
        self._run = run
        self._portal = portal
        self._guard = guard
        self._template = template

    @contextmanager
    def fresh(self) -> Iterator[TestDatabase]:
        """A new database of the schema, dropped at the end of the block, whoever is connected."""
        target = self._template.with_database(_new_name())
        self._portal.call(self._create, target)
        try:
            yield TestDatabase(target, self._portal)
        finally:
            self._portal.call(_drop, self._guard, target)

    async def _create(self, target: Target) -> None:
        strategy = await copy_strategy(self._guard, target)
        await try_lock(self._guard, target.database)
        template = quote_ident(self._template.database)
        await self._guard.execute(f"CREATE DATABASE {quote_ident(target.database)} TEMPLATE {template} {strategy}")


def _new_name() -> str:
    return f"{TEMPORARY_PREFIX}pytest_{secrets.token_hex(6)}"


async def _drop(guard: Connection, target: Target) -> None:
    await guard.execute(f"DROP DATABASE IF EXISTS {quote_ident(target.database)} WITH (FORCE)")
    await unlock(guard, target.database)


@contextmanager
def open_databases(project: Path | str, *, env: str | None = None, seeds: bool = False) -> Iterator[Databases]:
    """Build the project's schema on the server of ``env`` (default: ``test`` where it is configured, else ``local``).

    The environment's own database is not touched. Raises ``ConfitureError``; ``EnvironmentProtected`` for one that is.
    """
    found = Project.find(Path(project))
    environment = load_environment(found, env or ("test" if "test" in environment_names(found) else "local"))
    if environment.protected:
        raise EnvironmentProtected(
            f"the environment {environment.name!r} is protected: no test runs on its server",
            hint="choose another with --confiture-env or confiture_env",
        )
    with (
        anyio.from_thread.start_blocking_portal(backend="asyncio") as portal,
        portal.wrap_async_context_manager(_open(found, environment, portal, seeds=seeds)) as databases,
    ):
        yield databases


@asynccontextmanager
async def _open(
    project: Project, environment: Environment, portal: BlockingPortal, *, seeds: bool
) -> AsyncIterator[Databases]:
    named = msgspec.structs.replace(environment, database=_new_name())
    async with Kernel(project).run(environment=named) as run:
        target = await run.target()
        async with guard_session(run, target) as guard:
            await try_lock(guard, target.database)
            try:
                await run.start("build", seeds=seeds)
                yield Databases(run, portal, guard, target)
            finally:
                with anyio.CancelScope(shield=True):
                    await _drop(guard, target)
