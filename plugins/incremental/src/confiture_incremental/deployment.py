"""A database that migrations are run on: one session, its lock, its history."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

from confiture.connect import address
from confiture.errors import ConfigError, DatabaseNotFound, Refused
from confiture.hooks import EXECUTOR
from confiture.locks import acquire_lock, is_pooled
from confiture.migrations.history import History, read_history
from confiture.migrations.tracking import Record, Tracking, tracking_of
from confiture.model import Execution, ExecutionReport, Note, Plan, Statement, Target
from confiture.quoting import quote_ident
from confiture_incremental.model import IncrementalConfig

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context, Executor

__all__ = ["Deployment", "checked", "deployment", "lock_key", "provide_database"]


class Deployment:
    """What a run works with. ``history`` is as it was read last; ``connection`` is replaced where it was lost."""

    def __init__(self, ctx: Context, target: Target, config: IncrementalConfig, stack: AsyncExitStack) -> None:
        self.ctx = ctx
        self.target = target
        self.config = config
        self._stack = stack
        self._connection: Connection | None = None
        self.tracking: Tracking = tracking_of(ctx.project, ctx.run_id)
        self.history = History()
        self.executor: Executor = ctx.get(EXECUTOR, config.executor)
        self.pooled = False

    @property
    def connection(self) -> Connection:
        """The session that works."""
        assert self._connection is not None
        return self._connection

    async def connect(self) -> Connection:
        """A new session, in place of the one that there was. Raises ``DatabaseConnectionError``."""
        self._connection = await self._stack.enter_async_context(self.ctx.connect(self.target))
        return self._connection

    @property
    def execution(self) -> Execution:
        """How statements are run, as the configuration and the request say."""
        config = self.config
        return Execution(
            lock_timeout_s=config.lock_timeout_s,
            # 0 is none, whatever the server has for the application.
            statement_timeout_s=config.statement_timeout_s or 0.0,
            lock_retry_s=config.lock_retry_s,
            throttle=config.throttle,
            max_replica_lag_s=config.max_replica_lag_s,
            # As pg_dump's scripts have it, and as plans are proved.
            check_bodies=False,
            # As `build` does on a server of confiture's own.
            create_roles=self.target.managed,
        )

    async def read(self) -> History:
        """Read the history anew."""
        self.history = await read_history(self.connection, self.tracking)
        return self.history

    async def prepare(self) -> None:
        """Make or upgrade the tracking table, where that is needed. Only under the lock."""
        statements = self.missing_statements()
        if not statements:
            return
        if self.history.exists:
            self.ctx.emit(Note(message=f"the table {self.tracking.qualified} is brought to its present layout"))
        await self.run(Plan(statements=tuple(statements)))
        await self.read()

    def missing_statements(self) -> list[Statement]:
        """What :meth:`prepare` would run."""
        from confiture.migrations.tracking import LAYOUT

        if not self.history.exists:
            return self.tracking.create(schema_exists=self.history.schema_exists)
        if self.history.layout < LAYOUT:
            return self.tracking.upgrade(self.history.columns, self.history.unique)
        return []

    async def write(self, *records: Record) -> None:
        """Write rows, in a transaction of their own."""
        await self.run(Plan(statements=(self.tracking.insert(records),)))

    async def run(self, plan: Plan, execution: Execution | None = None) -> ExecutionReport:
        """Run a plan on this session."""
        return await self.executor.execute(
            self.ctx, plan, self.target, execution or self.execution, connection=self.connection
        )

    async def claim(self) -> None:
        """Become the only one that may change this database's history, and read it.

        Raises ``Busy`` naming who is at work, ``Refused`` for a database that cannot be written to.
        """
        await _refuse_readonly(self.connection, self.target)
        wait_s = self.config.lock_wait_s
        await self._stack.enter_async_context(self.ctx.lock(self.target, lock_key(self.target), wait_s=wait_s))
        await self.own()
        await self.read()

    async def own(self) -> None:
        """See to it that this session alone runs migrations here. Raises ``Busy``.

        The lock belongs to the session that works. Where a client was killed its server process may still be at work;
        as long as that is so, nobody knows what the history is going to be. Through a transaction-mode pooler there
        is no such lock.
        """
        self.pooled = await is_pooled(self.connection)
        if not self.pooled:
            await acquire_lock(
                self.connection,
                f"migrations in {self.tracking.qualified}",
                self.config.lock_wait_s,
                waiting=lambda held: self.ctx.emit(Note(message=f"{held}; waiting")),
            )


@asynccontextmanager
async def deployment(
    ctx: Context, target: Target, config: IncrementalConfig, *, writes: bool
) -> AsyncIterator[Deployment]:
    """A session on ``target`` and its history. ``writes``: the only one that may change it until the block ends.

    Raises ``Busy`` naming who is at work, ``Refused`` for a database that cannot be written to, ``HistoryConflict``
    for a tracking table that cannot be read.
    """
    async with AsyncExitStack() as stack:
        found = Deployment(ctx, target, config, stack)
        try:
            await found.connect()
        except DatabaseNotFound as error:
            error.hint = "`confiture build` makes it from the DDL" + (
                ", `confiture migrate up` from the migrations" if target.managed else "; or: createdb"
            )
            raise
        await (found.claim() if writes else found.read())
        yield found


async def provide_database(ctx: Context, target: Target) -> None:
    """On a server of confiture's own, make the database where it is missing; elsewhere that is not ours to do."""
    if not target.managed:
        return
    async with ctx.connect_maintenance(target) as connection:
        if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", target.database):
            return
        # Of two runs at once one makes it.
        with suppress(*_made_meanwhile()):
            await connection.execute(f"CREATE DATABASE {quote_ident(target.database)}")
            ctx.emit(Note(message=f"made the database {target.database!r}"))


def _made_meanwhile() -> tuple[type[Exception], ...]:
    """What CREATE DATABASE raises where another run has just made it: 42P04, or 23505 in the very same moment."""
    import asyncpg

    return asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError


def lock_key(target: Target) -> str:
    """The name of the lock that deployers of a database take."""
    return f"migrate {target.database}"


async def _refuse_readonly(connection: Connection, target: Target) -> None:
    row = await connection.fetchrow(
        "SELECT pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only') = 'on' AS readonly"
    )
    if row["standby"]:
        raise Refused(
            f"the database {target.database!r} of {target.label!r} ({address(target)}) is a read-only replica",
            hint="connect to its primary, or give all of them as hosts with target_session_attrs=read-write",
        )
    if row["readonly"]:
        raise Refused(
            f"the database {target.database!r} of {target.label!r} ({address(target)}) is read-only: "
            "default_transaction_read_only is on",
            hint="turn it off for the role that migrates: ALTER ROLE ... SET default_transaction_read_only = off",
        )


def checked(config: IncrementalConfig) -> IncrementalConfig:
    """The configuration, where its numbers can be. Raises ``ConfigError``."""
    for name in ("lock_wait_s", "lock_timeout_s", "lock_retry_s", "statement_timeout_s", "throttle"):
        value = getattr(config, name)
        if value is not None and value < 0:
            raise ConfigError(f"incremental: {name} must not be negative, and is {value:g}")
    return config
