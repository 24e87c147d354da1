"""Parts and chunks of a run on the target: which are there, which are copied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.errors import InternalError
from confiture.model import Statement, TransferReport
from confiture.quoting import quote_ident, quote_literal
from confiture.transfer import TAKEN_BYTES, TAKEN_ROWS
from confiture_schema_to_schema.copying.ddl import CHUNKS, PARTS, RUNS
from confiture_schema_to_schema.copying.records import ChunkRecord, PartRecord

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["PART_COLUMNS", "TAKEN_OVER", "Parts"]

#: The code of the error (a division by zero) by which :meth:`Parts.done` and :meth:`Parts.fence` fail.
TAKEN_OVER = "22012"
#: What is written of a part when its run begins.
PART_COLUMNS = ("part", "target", "source", "relid", "digest", "engine", "keyed", "estimated_rows", "bytes")

_CHUNK = ("part", "number", "relation", "condition", "estimated_rows")


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """The tables, in ``schema``; and what is in those of parts and chunks. They must be there."""

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

    async def read_parts(self, connection: Connection, run_id: str) -> tuple[PartRecord, ...]:
        """All parts of a run, by number."""
        rows = await connection.fetch(
            f"SELECT {', '.join(PART_COLUMNS)}, planned, indexed FROM {self.parts} WHERE run_id = $1 ORDER BY part",
            run_id,
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
