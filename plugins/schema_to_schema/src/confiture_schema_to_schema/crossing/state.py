"""What is kept of cutovers and rollbacks: how far one is, on the new database; decisions, on the side they close."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from confiture.config.project import MigrationsConfig
from confiture.errors import PermissionMissing
from confiture.quoting import quote_ident
from confiture_schema_to_schema.model import StepTime

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["CROSSINGS", "DECISIONS", "CrossingRecord", "Crossings", "Decision", "Direction", "crossings_of"]

CROSSINGS = "confiture_move_crossings"
DECISIONS = "confiture_move_decisions"

Direction: TypeAlias = Literal["cutover", "rollback"]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A side was closed for good, in a crossing's ``seq``-th attempt; ``at`` is when."""

    seq: int
    direction: Direction
    at: dt.datetime


class CrossingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A cutover or a rollback. ``seq`` is its last attempt's, which no other attempt of the run has.

    ``old`` and ``new`` tell which databases they are (:func:`.places.read_place`), ``old_name`` and ``new_name`` what
    they were called last. ``capture`` and ``capture_name``: what captured the side that was live; ``back_name``: what
    captures the other one, None for nothing. ``lost``: labels of new tables whose rows no rollback brings back, all or
    some of them. ``outcome`` None: it is under way, or was killed.
    """

    run_id: str
    number: int
    direction: Direction
    seq: int
    step: str
    switch: str
    command: str | None
    old: str
    new: str
    old_name: str
    new_name: str
    capture: str
    capture_name: str
    back_name: str | None
    not_reversible: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    steps: tuple[StepTime, ...] = ()
    paused_s: float = 0.0
    attempts: int = 0
    outcome: Literal["crossed", "given up"] | None = None
    started: dt.datetime | None = None
    finished: dt.datetime | None = None


_COLUMNS = tuple(name for name in CrossingRecord.__struct_fields__ if name not in ("started", "finished"))


class Crossings(msgspec.Struct, frozen=True, kw_only=True):
    """The tables, in ``schema``. What asks is given a session of the side that it is about."""

    schema: str

    @property
    def crossings(self) -> str:
        """The table of crossings, in SQL."""
        return f"{quote_ident(self.schema)}.{CROSSINGS}"

    @property
    def decisions(self) -> str:
        """The table of decisions, in SQL."""
        return f"{quote_ident(self.schema)}.{DECISIONS}"

    async def create(self, connection: Connection, *, crossings: bool) -> None:
        """Make schema and tables where they are missing; ``crossings``: those of crossings too.

        Raises ``PermissionMissing``.
        """
        import asyncpg

        try:
            there = "SELECT pg_catalog.to_regnamespace($1) IS NOT NULL"
            if not await connection.fetchval(there, quote_ident(self.schema)):
                await connection.execute(f"CREATE SCHEMA {quote_ident(self.schema)}")
            for name, ddl in ((self.decisions, _DECISIONS), *(((self.crossings, _CROSSINGS),) if crossings else ())):
                if not await _exists(connection, name):
                    await connection.execute(ddl.format(name=name))
        except asyncpg.InsufficientPrivilegeError as error:
            raise PermissionMissing(
                f"the role may not make tables in the schema {self.schema!r}, where it is kept which side is live: "
                f"{error.message}",
                hint=f"GRANT CREATE, USAGE ON SCHEMA {quote_ident(self.schema)} to it, or CREATE on the database, on "
                "both sides",
                sqlstate=error.sqlstate,
            ) from None

    async def decide(
        self, connection: Connection, run_id: str, seq: int, direction: Direction, outcome: str, other: str
    ) -> bool:
        """Write the outcome of an attempt, in the transaction that is open; whether it is this one.

        ``other`` tells which database the other side is (:func:`.places.read_place`).
        Who comes second waits for the first, and learns what that one has decided.
        """
        found: str | None = await connection.fetchval(
            f"WITH put AS (INSERT INTO {self.decisions} (run_id, seq, direction, outcome, other)"
            " VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT (run_id, seq) DO NOTHING RETURNING outcome) SELECT outcome FROM put",
            run_id,
            seq,
            direction,
            outcome,
            other,
        )
        if found is None:
            query = f"SELECT outcome FROM {self.decisions} WHERE run_id = $1 AND seq = $2"
            found = await connection.fetchval(query, run_id, seq)
        return found == outcome

    async def last_decision(self, connection: Connection, run_id: str) -> Decision | None:
        """The last one that closed this side in that run; None where none did."""
        if not await _exists(connection, self.decisions):
            return None
        row = await connection.fetchrow(
            f"SELECT seq, direction, at FROM {self.decisions} WHERE run_id = $1 AND outcome = 'crossed'"
            " ORDER BY seq DESC LIMIT 1",
            run_id,
        )
        return None if row is None else Decision(**row)

    async def last_other(self, connection: Connection) -> str | None:
        """The other side of the last decision that this one has, of whatever run."""
        if not await _exists(connection, self.decisions):
            return None
        query = f"SELECT other FROM {self.decisions} WHERE outcome = 'crossed' ORDER BY at DESC LIMIT 1"
        found: str | None = await connection.fetchval(query)
        return found

    async def hold(self, connection: Connection, number: int) -> bool:
        """Have the crossing for oneself until the transaction ends; False where it has an outcome."""
        found = await connection.fetchval(
            f"SELECT 1 FROM {self.crossings} WHERE number = $1 AND outcome IS NULL FOR UPDATE", number
        )
        return found is not None

    async def next_seq(self, connection: Connection, number: int) -> int | None:
        """A number that no attempt of the run has yet; written to its crossing before anything is locked.

        None where the crossing has an outcome: somebody else has ended it.
        """
        seq: int | None = await connection.fetchval(
            f"UPDATE {self.crossings} AS c SET seq = 1 + (SELECT pg_catalog.max(o.seq) FROM {self.crossings} AS o"
            " WHERE o.run_id = c.run_id), attempts = attempts + 1 WHERE number = $1 AND outcome IS NULL RETURNING seq",
            number,
        )
        return seq

    async def begin(self, connection: Connection, record: CrossingRecord) -> int:
        """Write that it is under way; its number."""
        values = [_value(record, name) for name in _COLUMNS if name != "number"]
        names = [name for name in _COLUMNS if name != "number"]
        places = [f"${i}{_CAST.get(name, '')}" for i, name in enumerate(names, 1)]
        number: int = await connection.fetchval(
            f"INSERT INTO {self.crossings} ({', '.join(names)}) VALUES ({', '.join(places)}) RETURNING number", *values
        )
        return number

    async def change(self, connection: Connection, number: int, **values: Any) -> None:
        """Write ``values`` to columns of the crossing, as long as it has no outcome."""
        sets = ", ".join(f"{name} = ${i}{_CAST.get(name, '')}" for i, name in enumerate(values, 2))
        given = [_encode(name, value) for name, value in values.items()]
        finished = ", finished = pg_catalog.clock_timestamp()" if "outcome" in values else ""
        await connection.execute(
            f"UPDATE {self.crossings} SET {sets}{finished} WHERE number = $1 AND outcome IS NULL", number, *given
        )

    async def all(self, connection: Connection, run_id: str | None = None) -> tuple[CrossingRecord, ...]:
        """Those of the run, in their order; None: of all runs."""
        if not await _exists(connection, self.crossings):
            return ()
        names = ", ".join(f"{name}::text AS {name}" if name in _CAST else name for name in _COLUMNS)
        rows = await connection.fetch(
            f"SELECT {names}, started, finished FROM {self.crossings} WHERE $1::text IS NULL OR run_id = $1"
            " ORDER BY number",
            run_id,
        )
        return tuple(
            CrossingRecord(
                **{
                    **row,
                    "not_reversible": tuple(row["not_reversible"]),
                    "lost": tuple(row["lost"]),
                    "steps": msgspec.json.decode(row["steps"], type=tuple[StepTime, ...]),
                }
            )
            for row in rows
        )

    async def again(self, connection: Connection, record: CrossingRecord) -> CrossingRecord:
        """The same, as it is by now."""
        found = [each for each in await self.all(connection, record.run_id) if each.number == record.number]
        return found[0] if found else record

    async def last(self, connection: Connection, run_id: str | None = None) -> CrossingRecord | None:
        """The one that was begun last."""
        found = await self.all(connection, run_id)
        return found[-1] if found else None


async def _exists(connection: Connection, name: str) -> bool:
    return await connection.fetchval("SELECT pg_catalog.to_regclass($1)", name) is not None


def _value(record: CrossingRecord, name: str) -> Any:
    return _encode(name, getattr(record, name))


def _encode(name: str, value: Any) -> Any:
    if name == "steps":
        return msgspec.json.encode(value).decode()
    return list(value) if name in ("not_reversible", "lost") else value


_CAST = {"steps": "::text::jsonb"}
# One outcome for each attempt: whoever writes it first has decided.
_DECISIONS = """
CREATE TABLE {name} (
    run_id text NOT NULL, seq integer NOT NULL, direction text NOT NULL, other text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('crossed', 'given up')),
    at timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(), PRIMARY KEY (run_id, seq));
COMMENT ON TABLE {name} IS 'When `confiture migrate schema-to-schema` closed this database for writes'
"""
_CROSSINGS = """
CREATE TABLE {name} (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run_id text NOT NULL, direction text NOT NULL,
    seq integer NOT NULL, step text NOT NULL, switch text NOT NULL, command text, old text NOT NULL, new text NOT NULL,
    old_name text NOT NULL, new_name text NOT NULL, capture text NOT NULL, capture_name text NOT NULL, back_name text,
    not_reversible text[] NOT NULL, lost text[] NOT NULL, steps jsonb NOT NULL, paused_s double precision NOT NULL,
    attempts integer NOT NULL, outcome text CHECK (outcome IN ('crossed', 'given up')),
    started timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp(), finished timestamp with time zone);
COMMENT ON TABLE {name} IS 'Cutovers and rollbacks by `confiture migrate schema-to-schema`'
"""


def crossings_of(ctx: Context) -> Crossings:
    """The tables of this project: in the schema of ``[migrations] schema``."""
    return Crossings(schema=ctx.settings("migrations", MigrationsConfig).schema)
