"""When the next chunk may begin: not while somebody paused it, the source is busy, or a replica is behind."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import anyio

from confiture.errors import ConfigError
from confiture.model import Note, WarningRaised
from confiture.sides import shown_side
from confiture.transfer import set_local
from confiture_schema_to_schema.copying.beating import taken_over

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context
    from confiture_schema_to_schema.configuring import SchemaToSchemaConfig
    from confiture_schema_to_schema.copying.state import State
    from confiture_schema_to_schema.values import Job

__all__ = ["PAUSED", "Throttle"]

PAUSED = "paused"
_POLL_S = 0.5
_LONGEST_POLL_S = 8.0
_ASKING = {"statement_timeout": "10s", "lock_timeout": "2s"}
# Ours have our name, those that an engine opens from the target begin with it. What a role may not see has no state.
_ACTIVE = """
SELECT count(*) FILTER (WHERE state = 'active') AS active, count(*) FILTER (WHERE state IS NULL) AS hidden
  FROM pg_catalog.pg_stat_activity
 WHERE datname = pg_catalog.current_database() AND backend_type = 'client backend'
   AND pid <> pg_catalog.pg_backend_pid()
   AND application_name <> pg_catalog.current_setting('application_name') AND application_name NOT LIKE 'confiture %'
"""
# It grows where a replica no longer applies what it gets, as long as something is written.
_LAG = """
SELECT coalesce(extract(epoch FROM max(replay_lag)), 0)::double precision AS lag,
       count(*) FILTER (WHERE state IS NULL) AS hidden
  FROM pg_catalog.pg_stat_replication
"""


class Throttle:
    """One for all workers. ``bytes_per_second``: of all of them together; None: no limit."""

    def __init__(
        self, job: Job, state: State, attempt: int, config: SchemaToSchemaConfig, *, bytes_per_second: float | None
    ) -> None:
        self._job = job
        self._state = state
        self._attempt = attempt
        self._config = config
        self._rate = bytes_per_second
        self._lock = anyio.Lock()
        self._due = 0.0
        self._warned: set[str] = set()

    async def admit(self, ctx: Context) -> None:
        """Return when a chunk may begin. Raises ``Busy`` where another process goes on with the run."""
        async with self._lock:  # one asks and waits for all
            kind, reason = await self._reason(ctx)
            if reason is not None:
                await self._wait(ctx, kind, reason)
        if self._rate is not None and (ahead := self._due - time.monotonic()) > 0:
            await anyio.sleep(ahead)

    def took(self, size: int, begun: float) -> None:
        """A chunk of so many bytes was moved, since ``begun``: who cannot hold a stream back pays afterwards."""
        if self._rate is not None:
            self._due = max(self._due, begun) + size / self._rate

    async def _wait(self, ctx: Context, kind: str, reason: str) -> None:
        begun = time.monotonic()
        wait, told = _POLL_S, ""
        current: str | None = reason
        while current is not None:
            if kind != told:
                ctx.emit(Note(message=f"copying waits: {current}"))
                told, wait = kind, _POLL_S
            async with ctx.connect(self._job.sides.target) as connection:
                await self._state.change(connection, self._job.run_id, self._attempt, waiting_for=current)
            await anyio.sleep(wait)
            wait = _POLL_S if kind == PAUSED else min(2 * wait, _LONGEST_POLL_S)
            kind, current = await self._reason(ctx)
        async with ctx.connect(self._job.sides.target) as connection:
            await self._state.change(connection, self._job.run_id, self._attempt, waiting_for=None)
        ctx.emit(Note(message=f"copying goes on, after {time.monotonic() - begun:.1f} s"))

    async def _reason(self, ctx: Context) -> tuple[str, str | None]:
        """Of which kind, and why; None where nothing is in the way."""
        async with ctx.connect(self._job.sides.target) as connection:
            paused = await self._state.is_paused(connection, self._job.run_id, self._attempt)
        if paused is None:
            raise taken_over(self._job)
        if paused:
            return PAUSED, PAUSED
        if (most := self._config.max_active_sessions) is not None:
            row = await self._look(ctx, self._job.sides.source, _ACTIVE, "sessions")
            if (active := row["active"]) > most:
                shown = shown_side(self._job.sides.source)
                return "load", f"{active} sessions are active on {shown!r} (max_active_sessions is {most})"
        if (longest := self._config.max_replica_lag_s) is not None:
            for side in (self._job.sides.source, self._job.sides.target):
                row = await self._look(ctx, side, _LAG, "replicas")
                if (lag := row["lag"]) > longest:
                    reason = f"a replica of {shown_side(side)!r} is {lag:.0f} s behind"
                    return "lag", f"{reason} (max_replica_lag_s is {longest:g})"
        if (query := self._config.wait_while) is not None and (why := await self._ask(ctx, query)):
            reason = why if isinstance(why, str) else f"what was asked of {shown_side(self._job.sides.source)!r}"
            return "asked", f"{reason} (wait_while)"
        return "", None

    async def _ask(self, ctx: Context, query: str) -> Any:
        """What somebody's query says of the source: nothing, false, true, or why."""
        import asyncpg

        async with ctx.connect(self._job.sides.source) as connection:
            try:
                async with ctx.transaction(connection, readonly=True):
                    await set_local(connection, _ASKING)
                    return await connection.fetchval(query)
            except (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError):
                return "the answer is late"  # a server that is busy
            except (asyncpg.SyntaxOrAccessError, asyncpg.DataError, asyncpg.ReadOnlySQLTransactionError) as error:
                words = error.message if isinstance(error, asyncpg.SyntaxOrAccessError) else type(error).__name__
                raise ConfigError(
                    f"`wait_while` under [schema-to-schema] cannot be asked: {words}",
                    hint="a query over the old database that gives true, or why, while copying is to wait; mend it, "
                    "then go on: `confiture migrate schema-to-schema resume`",
                ) from None

    async def _look(self, ctx: Context, side: Target, query: str, what: str) -> Any:
        async with ctx.connect(side) as connection:
            row = await connection.fetchrow(query)
        if row["hidden"] and what not in self._warned:
            self._warned.add(what)
            ctx.emit(
                WarningRaised(
                    message=f"the role may not see what {row['hidden']} {what} of {shown_side(side)!r} do: they do "
                    "not count for what copying waits for",
                    hint="GRANT pg_read_all_stats to it",
                )
            )
        return row
