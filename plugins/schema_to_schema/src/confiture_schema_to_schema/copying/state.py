"""What a run has copied, kept on the target: in the transaction of the rows, so that it is never wrong about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.config.project import MigrationsConfig
from confiture.errors import PermissionMissing
from confiture.quoting import quote_ident
from confiture_schema_to_schema.copying.ddl import ddl
from confiture_schema_to_schema.copying.parts import PART_COLUMNS, Parts
from confiture_schema_to_schema.copying.records import PartRecord, RunRecord

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["State", "state_of"]

_RUN = (
    "run_id, source, strategy, tables, mapping, fingerprints::text AS fingerprints, phase, paused, waiting_for,"
    " attempt, application, under_way::text AS under_way, last_error, started, finished,"
    " extract(epoch FROM clock_timestamp() - heartbeat)::double precision AS beat_s"
)


class State(Parts, frozen=True, kw_only=True):
    """All of it, in ``schema``. What asks is given a session of the target; there may be no tables yet."""

    async def exists(self, connection: Connection) -> bool:
        """Whether there are the tables."""
        return await connection.fetchval("SELECT pg_catalog.to_regclass($1)", self.chunks) is not None

    async def create(self, connection: Connection) -> None:
        """Make the tables, and their schema, where they are missing. Raises ``PermissionMissing``."""
        import asyncpg

        if await self.exists(connection):
            return
        there = await connection.fetchval("SELECT pg_catalog.to_regnamespace($1)", quote_ident(self.schema))
        try:
            if there is None:
                await connection.execute(f"CREATE SCHEMA {quote_ident(self.schema)}")
            await connection.execute(ddl(self.runs, self.parts, self.chunks))
        except asyncpg.InsufficientPrivilegeError as error:
            raise PermissionMissing(
                f"the role may not make tables in the schema {self.schema!r} of the new database, where a migration "
                "keeps how far it is",
                hint=f"GRANT CREATE, USAGE ON SCHEMA {quote_ident(self.schema)} to it, or name another one: `schema` "
                "under [migrations] in confiture.toml",
                sqlstate=error.sqlstate,
            ) from None

    async def unfinished(self, connection: Connection) -> RunRecord | None:
        """The run that was not finished: the last one, if there should be several."""
        return await self._read(connection, "finished IS NULL ORDER BY started DESC LIMIT 1")

    async def latest(self, connection: Connection) -> RunRecord | None:
        """The run that was not finished, else the one that was finished last."""
        return await self._read(connection, "true ORDER BY finished DESC NULLS FIRST, started DESC LIMIT 1")

    async def _read(self, connection: Connection, condition: str) -> RunRecord | None:
        if not await self.exists(connection):
            return None
        row = await connection.fetchrow(f"SELECT {_RUN} FROM {self.runs} WHERE {condition}")
        if row is None:
            return None
        decoded = {
            "fingerprints": msgspec.json.decode(row["fingerprints"], type=dict[str, str]),
            "under_way": msgspec.json.decode(row["under_way"], type=dict[str, tuple[int, int, float]]),
            "tables": (*row["tables"],),
        }
        return RunRecord(**{**row, **decoded})

    async def begin(self, connection: Connection, run: RunRecord, parts: Sequence[PartRecord]) -> None:
        """Write that the run is under way. Runs whose tables it fills are forgotten, and unfinished ones."""
        await connection.execute(
            f"DELETE FROM {self.runs} AS r WHERE finished IS NULL OR EXISTS (SELECT FROM {self.parts} AS p"
            " WHERE p.run_id = r.run_id AND p.target = ANY ($1::text[]))",
            [part.target for part in parts],
        )
        await connection.execute(
            f"INSERT INTO {self.runs} (run_id, source, strategy, tables, mapping, fingerprints, application)"
            " VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, pg_catalog.current_setting('application_name'))",
            run.run_id,
            run.source,
            run.strategy,
            list(run.tables),
            run.mapping,
            msgspec.json.encode(dict(run.fingerprints)).decode(),
        )
        values: list[list[Any]] = [[getattr(part, name) for part in parts] for name in PART_COLUMNS]
        await connection.execute(
            f"INSERT INTO {self.parts} (run_id, {', '.join(PART_COLUMNS)})"
            " SELECT $1, * FROM unnest($2::int[], $3::text[], $4::text[], $5::oid[], $6::text[], $7::text[],"
            " $8::boolean[], $9::bigint[], $10::bigint[])",
            run.run_id,
            *values,
        )

    async def take_over(self, connection: Connection, run_id: str, engines: Mapping[int, str]) -> int:
        """Go on with a run, unpaused: who had it before cannot write to it any more. The number of this attempt."""
        # What is being committed in this moment comes first: of a process that was killed, or lost its lock.
        await connection.execute(f"LOCK TABLE {self.chunks} IN SHARE ROW EXCLUSIVE MODE")
        await connection.execute(
            f"UPDATE {self.parts} AS p SET engine = e.engine FROM unnest($2::int[], $3::text[]) AS e(part, engine)"
            " WHERE p.run_id = $1 AND p.part = e.part",
            run_id,
            list(engines),
            list(engines.values()),
        )
        attempt: int = await connection.fetchval(
            f"UPDATE {self.runs} SET attempt = attempt + 1, phase = 'preparing', paused = false, waiting_for = NULL,"
            " last_error = NULL, under_way = '{}', heartbeat = pg_catalog.clock_timestamp(),"
            " application = pg_catalog.current_setting('application_name') WHERE run_id = $1 RETURNING attempt",
            run_id,
        )
        return attempt

    async def change(self, connection: Connection, run_id: str, attempt: int, **values: Any) -> bool:
        """Write ``values`` to columns of the run, and a sign of life. False where another attempt has taken over."""
        assignments = [f"{name} = ${number}{_CAST.get(name, '')}" for number, name in enumerate(values, 3)]
        sets = ", ".join(["heartbeat = pg_catalog.clock_timestamp()", *assignments])
        given = [
            msgspec.json.encode(value).decode() if name == "under_way" else value for name, value in values.items()
        ]
        found = await connection.fetchval(
            f"UPDATE {self.runs} SET {sets} WHERE run_id = $1 AND attempt = $2 AND finished IS NULL RETURNING 1",
            run_id,
            attempt,
            *given,
        )
        return found is not None

    async def is_taken_over(self, connection: Connection, run_id: str, attempt: int) -> bool:
        """Whether another attempt goes on with the run, or it is over."""
        return await self.is_paused(connection, run_id, attempt) is None

    async def is_paused(self, connection: Connection, run_id: str, attempt: int) -> bool | None:
        """Whether somebody told it to wait; None where another attempt goes on with it, or it is over."""
        found: bool | None = await connection.fetchval(
            f"SELECT paused FROM {self.runs} WHERE run_id = $1 AND attempt = $2 AND finished IS NULL", run_id, attempt
        )
        return found

    async def pause(self, connection: Connection, *, paused: bool) -> RunRecord | None:
        """Tell the unfinished run to wait, or to go on; None where there is none."""
        run = await self.unfinished(connection)
        if run is not None:
            await connection.execute(
                f"UPDATE {self.runs} SET paused = $2 WHERE run_id = $1 AND finished IS NULL", run.run_id, paused
            )
        return run

    async def finish(self, connection: Connection, run_id: str, attempt: int) -> bool:
        """The run is at its end. False where another attempt has taken over."""
        found = await connection.fetchval(
            f"UPDATE {self.runs} SET finished = pg_catalog.clock_timestamp(), phase = 'copied', waiting_for = NULL,"
            " under_way = '{}', last_error = NULL, paused = false"
            " WHERE run_id = $1 AND attempt = $2 AND finished IS NULL RETURNING 1",
            run_id,
            attempt,
        )
        return found is not None


_CAST = {"under_way": "::text::jsonb"}


def state_of(ctx: Context) -> State:
    """The tables of this project: in the schema of ``[migrations] schema``."""
    return State(schema=ctx.settings("migrations", MigrationsConfig).schema)
