"""What a run has copied, kept on the target: in the transaction of the rows, so that it is never wrong about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.config.project import MigrationsConfig
from confiture.errors import InternalError, PermissionMissing
from confiture.model import Statement, TransferReport
from confiture.quoting import quote_ident, quote_literal
from confiture.transfer import TAKEN_BYTES, TAKEN_ROWS
from confiture_schema_to_schema.copying.ddl import CHUNKS, PARTS, RUNS, ddl
from confiture_schema_to_schema.copying.records import ChunkRecord, PartRecord, RunRecord

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["TAKEN_OVER", "State", "state_of"]

#: The code of the error (a division by zero) by which :meth:`State.done` and :meth:`State.fence` fail.
TAKEN_OVER = "22012"

_RUN = (
    "run_id, source, strategy, tables, mapping, fingerprints::text AS fingerprints, phase, paused, waiting_for,"
    " attempt, application, under_way::text AS under_way, last_error, started, finished,"
    " extract(epoch FROM clock_timestamp() - heartbeat)::double precision AS beat_s"
)
_PART = ("part", "target", "source", "relid", "digest", "engine", "keyed", "estimated_rows", "bytes")
_CHUNK = ("part", "number", "relation", "condition", "estimated_rows")


class State(msgspec.Struct, frozen=True, kw_only=True):
    """The tables, in ``schema``. What asks is given a session of the target; there may be no tables yet."""

    schema: str

    @property
    def runs(self) -> str:
        """SQL of the table of runs."""
        return f"{quote_ident(self.schema)}.{RUNS}"

    @property
    def parts(self) -> str:
        """SQL of the table of parts."""
        return f"{quote_ident(self.schema)}.{PARTS}"

    @property
    def chunks(self) -> str:
        """SQL of the table of chunks."""
        return f"{quote_ident(self.schema)}.{CHUNKS}"

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

    # -- runs ----------------------------------------------------------------------------------------------------------

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
        values: list[list[Any]] = [[getattr(part, name) for part in parts] for name in _PART]
        await connection.execute(
            f"INSERT INTO {self.parts} (run_id, {', '.join(_PART)})"
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

    # -- parts and chunks ----------------------------------------------------------------------------------------------

    async def read_parts(self, connection: Connection, run_id: str) -> tuple[PartRecord, ...]:
        """All parts of a run, by number."""
        rows = await connection.fetch(
            f"SELECT {', '.join(_PART)}, planned, indexed FROM {self.parts} WHERE run_id = $1 ORDER BY part", run_id
        )
        return tuple(PartRecord(**row) for row in rows)

    async def read_chunks(self, connection: Connection, run_id: str) -> tuple[ChunkRecord, ...]:
        """All chunks of a run, in order."""
        rows = await connection.fetch(
            f"SELECT {', '.join(_CHUNK)}, settings::text AS settings, rows, bytes, seconds,"
            f" xid::text::bigint AS xid FROM {self.chunks} WHERE run_id = $1 ORDER BY part, number",
            run_id,
        )
        return tuple(
            ChunkRecord(**{**row, "settings": msgspec.json.decode(row["settings"], type=dict[str, str])})
            for row in rows
        )

    async def plan_chunks(self, connection: Connection, run_id: str, chunks: Sequence[ChunkRecord]) -> None:
        """Write the chunks of parts that had none."""
        values: list[list[Any]] = [[getattr(chunk, name) for chunk in chunks] for name in _CHUNK]
        await connection.execute(
            f"INSERT INTO {self.chunks} (run_id, {', '.join(_CHUNK)}, settings)"
            " SELECT $1, part, number, relation, condition, estimated_rows, settings::jsonb FROM unnest($2::int[],"
            " $3::int[], $4::text[], $5::text[], $6::bigint[], $7::text[])"
            " AS c(part, number, relation, condition, estimated_rows, settings)",
            run_id,
            *values,
            [msgspec.json.encode(dict(chunk.settings)).decode() for chunk in chunks],
        )
        await connection.execute(
            f"UPDATE {self.parts} SET planned = true WHERE run_id = $1 AND part = ANY ($2::int[])",
            run_id,
            sorted({chunk.part for chunk in chunks}),
        )

    async def replace_chunk(
        self, connection: Connection, run_id: str, chunk: ChunkRecord, pieces: Sequence[ChunkRecord]
    ) -> tuple[ChunkRecord, ...]:
        """Write ``pieces`` in the place of a chunk that is not copied; as they are numbered. Not to be repeated."""
        last = await connection.fetchval(
            f"SELECT pg_catalog.max(number) FROM {self.chunks} WHERE run_id = $1 AND part = $2", run_id, chunk.part
        )
        gone = await connection.fetchval(
            f"DELETE FROM {self.chunks} WHERE run_id = $1 AND part = $2 AND number = $3 AND xid IS NULL RETURNING 1",
            run_id,
            chunk.part,
            chunk.number,
        )
        if gone is None:
            raise InternalError(f"chunk {chunk.number} of part {chunk.part} is not there to be cut")
        numbered = tuple(msgspec.structs.replace(piece, number=last + 1 + index) for index, piece in enumerate(pieces))
        await self.plan_chunks(connection, run_id, numbered)
        return numbered

    async def forget_chunks(self, connection: Connection, run_id: str, part: int) -> None:
        """A part of which nothing is copied has no chunks."""
        await connection.execute(f"DELETE FROM {self.chunks} WHERE run_id = $1 AND part = $2", run_id, part)
        await connection.execute(
            f"UPDATE {self.parts} SET planned = false WHERE run_id = $1 AND part = $2", run_id, part
        )

    async def forget_copied(self, connection: Connection, run_id: str, target: str, uncut: Iterable[int]) -> None:
        """The rows of a target are gone: nothing of its parts is copied, those of ``uncut`` have no chunks."""
        await connection.execute(
            f"DELETE FROM {self.chunks} WHERE run_id = $1 AND part = ANY ($2::int[])", run_id, list(uncut)
        )
        await connection.execute(
            f"UPDATE {self.chunks} AS c SET rows = 0, bytes = 0, seconds = 0, xid = NULL, finished = NULL"
            f" FROM {self.parts} AS p"
            " WHERE p.run_id = c.run_id AND p.part = c.part AND c.run_id = $1 AND p.target = $2",
            run_id,
            target,
        )
        await connection.execute(
            f"UPDATE {self.parts} SET indexed = false, planned = planned AND part <> ALL ($3::int[])"
            " WHERE run_id = $1 AND target = $2",
            run_id,
            target,
            list(uncut),
        )

    async def mark_indexed(self, connection: Connection, run_id: str, target: str) -> None:
        """What was taken off the target's table is back."""
        await connection.execute(
            f"UPDATE {self.parts} SET indexed = true WHERE run_id = $1 AND target = $2", run_id, target
        )

    async def find_done(self, connection: Connection, run_id: str, chunk: ChunkRecord) -> TransferReport | None:
        """How the chunk was copied, as far as the target knows; None where it was not."""
        row = await connection.fetchrow(
            f"SELECT rows, bytes, seconds FROM {self.chunks}"
            " WHERE run_id = $1 AND part = $2 AND number = $3 AND xid IS NOT NULL",
            run_id,
            chunk.part,
            chunk.number,
        )
        return None if row is None else TransferReport(**row)

    def done(self, run_id: str, attempt: int, chunk: ChunkRecord) -> Statement:
        """What writes that a chunk is copied, in the transaction of its rows, after them.

        It fails (:data:`TAKEN_OVER`) where the chunk is copied already, or another process goes on with the run.
        """
        change = (
            f"UPDATE {self.chunks} AS c SET"
            f" rows = pg_catalog.current_setting('{TAKEN_ROWS}')::bigint,"
            f" bytes = pg_catalog.current_setting('{TAKEN_BYTES}')::bigint,"
            " seconds = extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.transaction_timestamp()),"
            " finished = pg_catalog.clock_timestamp(), xid = pg_catalog.pg_current_xact_id()"
            f" FROM {self.runs} AS r WHERE {self._mine(run_id, attempt, chunk)} RETURNING 1"
        )
        # An error on purpose (TAKEN_OVER): the rows must go back.
        return Statement(sql=f"WITH changed AS ({change}) SELECT 1 / pg_catalog.count(*) FROM changed")

    def fence(self, run_id: str, attempt: int, chunk: ChunkRecord) -> Statement:
        """What fails as :meth:`done` would, before anything else is done: for a chunk that empties its table."""
        found = f"SELECT FROM {self.chunks} AS c, {self.runs} AS r WHERE {self._mine(run_id, attempt, chunk)}"
        return Statement(sql=f"SELECT 1 / pg_catalog.count(*) FROM ({found}) AS found")

    def _mine(self, run_id: str, attempt: int, chunk: ChunkRecord) -> str:
        return (
            f"r.run_id = c.run_id AND r.attempt = {attempt} AND r.finished IS NULL AND c.xid IS NULL"
            f" AND c.run_id = {quote_literal(run_id)} AND c.part = {chunk.part} AND c.number = {chunk.number}"
        )


_CAST = {"under_way": "::text::jsonb"}


def state_of(ctx: Context) -> State:
    """The tables of this project: in the schema of ``[migrations] schema``."""
    return State(schema=ctx.settings("migrations", MigrationsConfig).schema)
