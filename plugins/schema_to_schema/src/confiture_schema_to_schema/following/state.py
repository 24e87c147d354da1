"""What is kept on the target of the changes that are brought there: written in the transaction of the rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from confiture.config.project import MigrationsConfig
from confiture.quoting import quote_ident

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.capturing import Watch

__all__ = ["EPOCHS", "LAGS", "FollowRecord", "FollowState", "follow_state_of"]

EPOCHS: Final = "confiture_move_epochs"
LAGS: Final = "confiture_move_lags"

#: Of the lag so many samples a minute are kept.
_SAMPLE_EVERY_S: Final = 5.0
_FIELDS = (
    "run_id, capture, name, epoch, application, batches, entries, keys, longest_lag_s, refresh, asked_to_end,"
    " backlog_entries, backlog_bytes, lag_s, last_batch_s, caught_up, last_applied, last_error,"
    " extract(epoch FROM pg_catalog.clock_timestamp() - heartbeat)::double precision AS beat_s"
)
_DDL = """
CREATE TABLE IF NOT EXISTS {epochs} (
    run_id text PRIMARY KEY, capture text NOT NULL, name text NOT NULL, epoch bigint NOT NULL DEFAULT 0,
    application text NOT NULL DEFAULT '', batches bigint NOT NULL DEFAULT 0, entries bigint NOT NULL DEFAULT 0,
    keys bigint NOT NULL DEFAULT 0, longest_lag_s double precision NOT NULL DEFAULT 0,
    refresh integer[] NOT NULL DEFAULT '{{}}', asked_to_end boolean NOT NULL DEFAULT false,
    backlog_entries bigint NOT NULL DEFAULT 0, backlog_bytes bigint NOT NULL DEFAULT 0,
    lag_s double precision NOT NULL DEFAULT 0, last_batch_s double precision NOT NULL DEFAULT 0,
    caught_up boolean NOT NULL DEFAULT false, last_applied timestamp with time zone, last_error text,
    heartbeat timestamp with time zone);
COMMENT ON TABLE {epochs} IS
    'Which process brings changes here for `confiture migrate schema-to-schema`, and how far it is';
CREATE TABLE IF NOT EXISTS {lags} (
    run_id text NOT NULL, at timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    lag_s double precision NOT NULL, backlog_entries bigint NOT NULL, backlog_bytes bigint NOT NULL,
    entries bigint NOT NULL, keys bigint NOT NULL, PRIMARY KEY (run_id, at));
COMMENT ON TABLE {lags} IS 'How far behind that was, every few seconds'
"""


class FollowRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How far the following of a run is. ``capture`` and ``name``: the provider, and what it is called on the source.

    ``entries`` of the log that were applied, ``keys`` that were read again for them. ``refresh``: numbers of parts
    that are to be copied whole, since something changed that they read. ``asked_to_end``: a cutover waits for the
    lock. ``backlog_*``, ``lag_s`` and ``last_batch_s``: when it was looked at last; ``caught_up``: nothing was left.
    ``beat_s``: how long ago the last sign of life was; None: nobody has followed.
    """

    run_id: str
    capture: str
    name: str
    epoch: int = 0
    application: str = ""
    batches: int = 0
    entries: int = 0
    keys: int = 0
    longest_lag_s: float = 0.0
    refresh: tuple[int, ...] = ()
    asked_to_end: bool = False
    backlog_entries: int = 0
    backlog_bytes: int = 0
    lag_s: float = 0.0
    last_batch_s: float = 0.0
    caught_up: bool = False
    last_applied: dt.datetime | None = None
    last_error: str | None = None
    beat_s: float | None = None


class FollowState(msgspec.Struct, frozen=True):
    """The tables, in ``schema`` of the side that takes the changes. What asks is given a session of it."""

    schema: str

    @property
    def epochs(self) -> str:
        """The table of epochs, in SQL."""
        return f"{quote_ident(self.schema)}.{quote_ident(EPOCHS)}"

    @property
    def lags(self) -> str:
        """The table of samples, in SQL."""
        return f"{quote_ident(self.schema)}.{quote_ident(LAGS)}"

    async def create(self, connection: Connection, run_id: str, watch: Watch) -> None:
        """Make the tables where they are missing, and the run's row, with the capture's name. Again is no error."""
        # IF NOT EXISTS asks for CREATE on the schema all the same.
        if await connection.fetchval("SELECT pg_catalog.to_regclass($1)", self.lags) is None:
            if await connection.fetchval("SELECT pg_catalog.to_regnamespace($1)", quote_ident(self.schema)) is None:
                await connection.execute(f"CREATE SCHEMA {quote_ident(self.schema)}")
            await connection.execute(_DDL.format(epochs=self.epochs, lags=self.lags))
        await connection.execute(
            f"INSERT INTO {self.epochs} (run_id, capture, name) VALUES ($1, $2, $3) ON CONFLICT (run_id) DO NOTHING",
            run_id,
            watch.capture,
            watch.name,
        )

    async def read(self, connection: Connection, run_id: str) -> FollowRecord | None:
        """The run's row; None where its changes are not captured."""
        if await connection.fetchval("SELECT pg_catalog.to_regclass($1)", self.epochs) is None:
            return None
        row = await connection.fetchrow(f"SELECT {_FIELDS} FROM {self.epochs} WHERE run_id = $1", run_id)
        return None if row is None else FollowRecord(**{**row, "refresh": tuple(row["refresh"])})

    async def take(self, connection: Connection, run_id: str) -> int:
        """Be the one who applies. The new epoch; who had it before fails at its next batch."""
        epoch: int = await connection.fetchval(
            f"UPDATE {self.epochs} SET epoch = epoch + 1, last_error = NULL,"
            " application = pg_catalog.current_setting('application_name'),"
            " heartbeat = pg_catalog.clock_timestamp() WHERE run_id = $1 RETURNING epoch",
            run_id,
        )
        return epoch

    async def hold(self, connection: Connection, run_id: str) -> tuple[int, tuple[int, ...]] | None:
        """The epoch, and parts that wait to be copied whole; nobody else gets it until the transaction ends."""
        row = await connection.fetchrow(
            f"SELECT epoch, refresh FROM {self.epochs} WHERE run_id = $1 FOR UPDATE", run_id
        )
        return None if row is None else (row["epoch"], tuple(row["refresh"]))

    async def applied(
        self, connection: Connection, run_id: str, *, entries: int, keys: int, refresh: Iterable[int], seconds: float
    ) -> None:
        """A batch, in its transaction."""
        await connection.execute(
            f"UPDATE {self.epochs} SET batches = batches + 1, entries = entries + $2, keys = keys + $3, refresh = $4,"
            " last_batch_s = $5, last_applied = pg_catalog.clock_timestamp(),"
            " heartbeat = pg_catalog.clock_timestamp() WHERE run_id = $1",
            run_id,
            entries,
            keys,
            sorted(refresh),
            seconds,
        )

    async def copy_anew(self, connection: Connection, run_id: str, parts: Iterable[int]) -> None:
        """Have these parts (numbers) copied whole by the next batch that may."""
        await connection.execute(
            f"UPDATE {self.epochs} SET refresh = ARRAY(SELECT DISTINCT unnest(refresh || $2::integer[]) ORDER BY 1)"
            " WHERE run_id = $1",
            run_id,
            sorted(parts),
        )

    async def beat(self, connection: Connection, run_id: str, epoch: int, **values: Any) -> bool | None:
        """A sign of life with what is known of the lag. Whether it is asked to end; None: another one has the epoch."""
        sets = ", ".join(f"{name} = ${number}" for number, name in enumerate(values, 3))
        found: bool | None = await connection.fetchval(
            f"UPDATE {self.epochs} SET heartbeat = pg_catalog.clock_timestamp(){', ' if sets else ''}{sets}"
            " WHERE run_id = $1 AND epoch = $2 RETURNING asked_to_end",
            run_id,
            epoch,
            *values.values(),
        )
        if found is not None and "lag_s" in values:
            await connection.execute(
                f"INSERT INTO {self.lags} (run_id, lag_s, backlog_entries, backlog_bytes, entries, keys)"
                f" SELECT run_id, lag_s, backlog_entries, backlog_bytes, entries, keys FROM {self.epochs} AS e"
                f" WHERE run_id = $1 AND NOT EXISTS (SELECT FROM {self.lags} AS l WHERE l.run_id = e.run_id"
                " AND l.at > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $2))",
                run_id,
                _SAMPLE_EVERY_S,
            )
        return found

    async def complain(self, connection: Connection, run_id: str, epoch: int, error: str | None) -> None:
        """What is in the way of the process of this epoch, or why it ended, if it is still the one that applies."""
        await connection.execute(
            f"UPDATE {self.epochs} SET last_error = $3 WHERE run_id = $1 AND epoch = $2", run_id, epoch, error
        )

    async def is_at_it(self, connection: Connection, application: str) -> bool:
        """Whether a process is within a batch, which may take long and shows no sign of life until its end."""
        found: bool = await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid"
            " WHERE l.relation = pg_catalog.to_regclass($1) AND l.mode = 'RowShareLock' AND a.application_name = $2)",
            self.epochs,
            application,
        )
        return found

    async def ask_to_end(self, connection: Connection, run_id: str) -> None:
        """Have the process that follows finish its batch, let the lock go and end: a cutover takes over from it."""
        await connection.execute(f"UPDATE {self.epochs} SET asked_to_end = true WHERE run_id = $1", run_id)

    async def forget_asking(self, connection: Connection, run_id: str) -> None:
        """Whoever asked has come to an end: the caller has the lock."""
        await connection.execute(f"UPDATE {self.epochs} SET asked_to_end = false WHERE run_id = $1", run_id)


def follow_state_of(ctx: Context) -> FollowState:
    """The tables of this project: in the schema of ``[migrations] schema``."""
    return FollowState(ctx.settings("migrations", MigrationsConfig).schema)
