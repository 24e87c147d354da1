"""What a run has copied, kept on the target: in the transaction of the rows, so that it is never wrong about them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.config.project import MigrationsConfig
from confiture.errors import PermissionMissing
from confiture.model import Statement
from confiture.quoting import quote_ident, quote_literal
from confiture.transfer import TAKEN_BYTES, TAKEN_ROWS

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["TAKEN_OVER", "ChunkRecord", "RunRecord", "State", "state_of"]

_RUNS = "confiture_sync_runs"
_CHUNKS = "confiture_sync_chunks"
#: The code of the error (a division by zero) by which :meth:`State.done` fails.
TAKEN_OVER = "22012"


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A run. ``asked`` are digests of what it was asked for, by a name for people: they must be equal to go on with it.

    ``source`` is :func:`confiture.transfer.identity.read_identity`'s, ``key`` the fingerprint of the masks' key.
    ``tables`` are the target's, as SQL text. ``attempt`` counts those who went on with it.
    """

    run_id: str
    source: str
    asked: Mapping[str, str]
    tables: tuple[str, ...]
    key: str | None = None
    upsert: bool = False
    attempt: int = 1
    started: dt.datetime | None = None
    finished: dt.datetime | None = None


class ChunkRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a table, copied where ``xid`` (of the target's transaction) is not None.

    ``relation`` is SQL text for FROM, None for the table as its query has it; ``filenode`` is its file on the source.
    ``digest`` is of all that the masked rows depend on beside the raw ones. ``snapshot`` is the source's, as
    ``pg_current_snapshot`` has it, that the rows were read in.
    """

    table: str
    number: int
    relation: str | None
    condition: str
    filenode: int | None
    digest: str
    estimated_rows: int = 0
    snapshot: str | None = None
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0
    xid: int | None = None


class State(msgspec.Struct, frozen=True, kw_only=True):
    """The two tables, in ``schema``. What asks is given a session of the target; there may be no tables yet."""

    schema: str

    @property
    def runs(self) -> str:
        """SQL of the table of runs."""
        return f"{quote_ident(self.schema)}.{_RUNS}"

    @property
    def chunks(self) -> str:
        """SQL of the table of chunks."""
        return f"{quote_ident(self.schema)}.{_CHUNKS}"

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
            await connection.execute(self._ddl())
        except asyncpg.InsufficientPrivilegeError as error:
            raise PermissionMissing(
                f"the role may not make tables in the schema {self.schema!r} of the target, where a run keeps how far "
                "it is",
                hint=f"GRANT CREATE, USAGE ON SCHEMA {quote_ident(self.schema)} to it, or name another one: `schema` "
                "under [migrations] in confiture.toml",
                sqlstate=error.sqlstate,
            ) from None

    def _ddl(self) -> str:
        return f"""
            CREATE TABLE {self.runs} (
                run_id text PRIMARY KEY, source text NOT NULL, asked jsonb NOT NULL, tables text[] NOT NULL, key text,
                upsert boolean NOT NULL, attempt integer NOT NULL DEFAULT 1,
                started timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
                finished timestamp with time zone);
            COMMENT ON TABLE {self.runs} IS 'Runs of `confiture sync` into this database: with which key its rows were masked';
            CREATE TABLE {self.chunks} (
                run_id text NOT NULL REFERENCES {self.runs} ON DELETE CASCADE, "table" text NOT NULL,
                number integer NOT NULL, relation text, condition text NOT NULL, filenode bigint, digest text NOT NULL,
                estimated_rows bigint NOT NULL, snapshot text, rows bigint NOT NULL DEFAULT 0,
                bytes bigint NOT NULL DEFAULT 0, seconds double precision NOT NULL DEFAULT 0, xid xid8,
                PRIMARY KEY (run_id, "table", number));
            COMMENT ON TABLE {self.chunks} IS 'How far an unfinished run of `confiture sync` is'
        """  # noqa: E501

    async def unfinished(self, connection: Connection) -> RunRecord | None:
        """The run that was not finished: the last one, if there should be several."""
        found = await self._read(connection, "finished IS NULL ORDER BY started DESC LIMIT 1")
        return found[0] if found else None

    async def finished(self, connection: Connection) -> tuple[RunRecord, ...]:
        """Runs that were finished, and whose rows have not been replaced by later ones."""
        return await self._read(connection, "finished IS NOT NULL ORDER BY finished")

    async def _read(self, connection: Connection, condition: str) -> tuple[RunRecord, ...]:
        if not await self.exists(connection):
            return ()
        rows = await connection.fetch(
            "SELECT run_id, source, asked::text AS asked, tables, key, upsert, attempt, started, finished"
            f" FROM {self.runs} WHERE {condition}"
        )
        return tuple(
            RunRecord(
                **{**row, "asked": msgspec.json.decode(row["asked"], type=dict[str, str]), "tables": (*row["tables"],)}
            )
            for row in rows
        )

    async def begin(self, connection: Connection, run: RunRecord) -> None:
        """Write that the run is under way."""
        await connection.execute(
            f"INSERT INTO {self.runs} (run_id, source, asked, tables, key, upsert)"
            " VALUES ($1, $2, $3::text::jsonb, $4, $5, $6)",
            run.run_id,
            run.source,
            msgspec.json.encode(dict(run.asked)).decode(),
            list(run.tables),
            run.key,
            run.upsert,
        )

    async def take_over(self, connection: Connection, run_id: str) -> int:
        """Go on with a run: who had it before cannot write to it any more. The number of this attempt."""
        # What is being committed in this moment comes first: of a process that was killed, or lost its lock.
        await connection.execute(f"LOCK TABLE {self.chunks} IN SHARE ROW EXCLUSIVE MODE")
        attempt: int = await connection.fetchval(
            f"UPDATE {self.runs} SET attempt = attempt + 1 WHERE run_id = $1 RETURNING attempt", run_id
        )
        return attempt

    async def read_chunks(self, connection: Connection, run_id: str) -> tuple[ChunkRecord, ...]:
        """All chunks of a run, in order; none where there are no tables."""
        if not await self.exists(connection):
            return ()
        rows = await connection.fetch(
            'SELECT "table", number, relation, condition, filenode, digest, estimated_rows, snapshot, rows, bytes,'
            f' seconds, xid::text::bigint AS xid FROM {self.chunks} WHERE run_id = $1 ORDER BY "table", number',
            run_id,
        )
        return tuple(ChunkRecord(**row) for row in rows)

    async def complete_tables(self, connection: Connection, run_id: str) -> frozenset[str]:
        """The labels of the tables all of whose chunks are copied."""
        if not await self.exists(connection):
            return frozenset()
        rows = await connection.fetch(
            f'SELECT "table" FROM {self.chunks} WHERE run_id = $1 GROUP BY 1 HAVING bool_and(xid IS NOT NULL)', run_id
        )
        return frozenset(row["table"] for row in rows)

    async def plan_chunks(self, connection: Connection, run_id: str, chunks: Sequence[ChunkRecord]) -> None:
        """Write chunks that are to be copied, in place of those of the same numbers."""
        columns = ("table", "number", "relation", "condition", "filenode", "digest", "estimated_rows")
        values: list[list[Any]] = [[getattr(chunk, name) for chunk in chunks] for name in columns]
        await connection.execute(
            f"INSERT INTO {self.chunks} (run_id, {', '.join(map(quote_ident, columns))})"
            " SELECT $1, * FROM unnest($2::text[], $3::int[], $4::text[], $5::text[], $6::bigint[], $7::text[],"
            " $8::bigint[])"
            ' ON CONFLICT (run_id, "table", number) DO UPDATE SET relation = excluded.relation,'
            " condition = excluded.condition, filenode = excluded.filenode, digest = excluded.digest,"
            " snapshot = NULL, rows = 0, bytes = 0, seconds = 0, xid = NULL",
            run_id,
            *values,
        )

    async def remove_chunks(self, connection: Connection, run_id: str, table: str, numbers: Sequence[int]) -> None:
        """Forget chunks of a table, whose rows are gone."""
        await connection.execute(
            f'DELETE FROM {self.chunks} WHERE run_id = $1 AND "table" = $2 AND number = ANY ($3::int[])',
            run_id,
            table,
            list(numbers),
        )

    def done(self, run_id: str, attempt: int, chunk: ChunkRecord, snapshot: str) -> Statement:
        """What writes that a chunk is copied, in the transaction of its rows, after them.

        It fails (:data:`TAKEN_OVER`) where the chunk is copied already, or another process goes on with the run.
        """
        change = (
            f"UPDATE {self.chunks} AS c SET snapshot = {quote_literal(snapshot)},"
            f" rows = current_setting('{TAKEN_ROWS}')::bigint, bytes = current_setting('{TAKEN_BYTES}')::bigint,"
            " seconds = extract(epoch FROM clock_timestamp() - transaction_timestamp()),"
            " xid = pg_catalog.pg_current_xact_id()"
            f" FROM {self.runs} AS r WHERE r.run_id = c.run_id AND r.attempt = {attempt} AND r.finished IS NULL"
            f' AND c.run_id = {quote_literal(run_id)} AND c."table" = {quote_literal(chunk.table)}'
            f" AND c.number = {chunk.number} AND c.xid IS NULL RETURNING 1"
        )
        # An error on purpose (TAKEN_OVER): the rows must go back.
        return Statement(sql=f"WITH changed AS ({change}) SELECT 1 / count(*) FROM changed")

    async def is_taken_over(self, connection: Connection, run_id: str, attempt: int) -> bool:
        """Whether another attempt goes on with the run, or it is over."""
        found = await connection.fetchval(
            f"SELECT attempt FROM {self.runs} WHERE run_id = $1 AND finished IS NULL", run_id
        )
        return bool(found != attempt)

    async def finish(self, connection: Connection, run_id: str) -> None:
        """The run is at its end. Earlier ones all of whose tables it has replaced are forgotten."""
        await connection.execute(
            f"DELETE FROM {self.runs} AS old USING {self.runs} AS new WHERE new.run_id = $1 AND NOT new.upsert"
            " AND old.run_id <> new.run_id AND old.tables <@ new.tables",
            run_id,
        )
        await connection.execute(f"DELETE FROM {self.chunks} WHERE run_id = $1", run_id)
        await connection.execute(
            f"UPDATE {self.runs} SET finished = pg_catalog.clock_timestamp() WHERE run_id = $1", run_id
        )

    async def forget(self, connection: Connection, run_id: str) -> None:
        """Remove the run and its chunks: what it copied is gone, or nobody will go on with it."""
        if await self.exists(connection):
            await connection.execute(f"DELETE FROM {self.runs} WHERE run_id = $1", run_id)


def state_of(ctx: Context) -> State:
    """The tables of this project: in the schema of ``[migrations] schema``."""
    return State(schema=ctx.settings("migrations", MigrationsConfig).schema)
