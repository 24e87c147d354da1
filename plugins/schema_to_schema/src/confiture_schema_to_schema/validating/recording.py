"""What the last comparison said, kept on the new database: a cutover asks for it, and the report shows it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Final

import msgspec

from confiture.config.project import MigrationsConfig
from confiture.quoting import quote_ident

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.model import ValidatedTable
    from confiture_schema_to_schema.values import Job

__all__ = ["VALIDATIONS", "Compared", "Validation", "Validations", "map_digest", "validations_of"]

VALIDATIONS: Final = "confiture_move_validations"
_DDL = """
CREATE TABLE {name} (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run_id text NOT NULL, digest text NOT NULL,
    clean boolean NOT NULL, tables integer NOT NULL, rows bigint NOT NULL, differing bigint NOT NULL,
    seconds double precision NOT NULL, found jsonb NOT NULL,
    at timestamp with time zone NOT NULL DEFAULT pg_catalog.clock_timestamp());
COMMENT ON TABLE {name} IS 'What `confiture migrate schema-to-schema validate` said'
"""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a table, as the fields of :class:`.model.ValidatedTable` of these names; ``clean``: nothing."""

    table: str
    clean: bool
    source_rows: int
    target_rows: int
    differing: int
    seconds: float


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison of all tables. ``digest`` is :func:`map_digest`'s; ``rows`` those of the source that were read.

    ``found``: table by table.
    """

    run_id: str
    digest: str
    clean: bool
    tables: int
    rows: int
    differing: int
    seconds: float
    found: tuple[Compared, ...] = ()
    at: dt.datetime | None = None


def map_digest(job: Job) -> str:
    """What a validation depends on, beside the rows: equal as long as the map is. 32 hexadecimal digits."""
    parts = sorted(
        [part.query, list(part.columns), table.table.sql, list(part.key)]
        for table in job.tables
        for part in table.parts
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


class Validations(msgspec.Struct, frozen=True):
    """The table, in ``schema`` of the new database, which what asks is given a session of."""

    schema: str

    @property
    def name(self) -> str:
        """In SQL."""
        return f"{quote_ident(self.schema)}.{VALIDATIONS}"

    async def add(
        self, connection: Connection, run_id: str, job: Job, tables: Sequence[ValidatedTable], seconds: float
    ) -> None:
        """Keep what was found in all tables of ``job``. The schema has to be there."""
        if await connection.fetchval("SELECT pg_catalog.to_regclass($1)", self.name) is None:
            await connection.execute(_DDL.format(name=self.name))
        await connection.execute(
            f"INSERT INTO {self.name} (run_id, digest, clean, tables, rows, differing, seconds, found)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb)",
            run_id,
            map_digest(job),
            all(table.ok for table in tables),
            len(tables),
            sum(table.source_rows for table in tables),
            sum(table.differing for table in tables),
            seconds,
            msgspec.json.encode([_compared(table) for table in tables]).decode(),
        )

    async def all(self, connection: Connection, run_id: str) -> tuple[Validation, ...]:
        """Those of the run, in their order."""
        if await connection.fetchval("SELECT pg_catalog.to_regclass($1)", self.name) is None:
            return ()
        rows = await connection.fetch(
            f"SELECT run_id, digest, clean, tables, rows, differing, seconds, found::text AS found, at FROM"
            f" {self.name} WHERE run_id = $1"
            " ORDER BY number",
            run_id,
        )
        return tuple(
            Validation(**{**row, "found": msgspec.json.decode(row["found"], type=tuple[Compared, ...])}) for row in rows
        )


def _compared(table: ValidatedTable) -> Compared:
    return Compared(
        table=table.table,
        clean=table.ok,
        source_rows=table.source_rows,
        target_rows=table.target_rows,
        differing=table.differing,
        seconds=table.seconds,
    )


def validations_of(ctx: Context) -> Validations:
    """The table of this project: in the schema of ``[migrations] schema``."""
    return Validations(ctx.settings("migrations", MigrationsConfig).schema)
