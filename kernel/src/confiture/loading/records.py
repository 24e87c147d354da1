"""What was taken off a target, kept on the target: a table of statements that put it back.

It is written in the transaction that takes things off, and each row goes away in the transaction that puts its thing
back: whenever a run is killed, the rows that are left say what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

import msgspec

from confiture.errors import PermissionMissing
from confiture.quoting import quote_ident, quote_literal

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["PRIMARY", "Phase", "Record", "Records"]

#: The kind of what puts a primary key back.
PRIMARY: Final = "primary key"

_FIELDS = [
    "run",
    "phase",
    "kind",
    "schema_name",
    "table_name",
    "name",
    "statements",
    "parent",
    "dangling",
    "size_bytes",
]


class Phase(IntEnum):
    """The order in which things are put back. What is of one phase needs nothing of the same phase."""

    RUN = 0
    INDEX = 1
    ATTACH = 2
    KEY = 3
    VALIDATE = 4
    SWITCH = 5


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One thing. ``statements`` put it back, in one transaction; ``schema`` and ``table`` are whose it is.

    ``kind`` says what it is, in messages too. Those of ``Phase.RUN`` put nothing back, are there as long as the run is
    unfinished, and hold what a medium must know of it. Of a foreign key, ``parent`` is the label of
    the table that it leads to, and ``dangling`` counts the rows that stand in its way. ``bytes``: the largest begin.
    ``number`` and ``run`` are the records' own (:meth:`Records.add`).
    """

    phase: Phase
    kind: str
    schema: str
    table: str
    name: str
    statements: tuple[str, ...]
    parent: str | None = None
    dangling: str | None = None
    bytes: int = 0
    number: int = 0
    run: str = ""

    @property
    def label(self) -> str:
        """The table's."""
        return f"{self.schema}.{self.table}"


class Records:
    """The table of records in a schema of confiture's own.

    ``name`` is the table's, one for each medium. ``comment`` goes on it, for who finds it there after a run that was
    cut: whose it is, and which commands go on or put everything back.
    """

    def __init__(self, schema: str, name: str, comment: str) -> None:
        self.schema = schema
        self.table = f"{quote_ident(schema)}.{quote_ident(name)}"
        self.comment = comment

    async def read(self, connection: Connection) -> tuple[Record, ...]:
        """All of them, in the order in which they are put back; none where there is no table."""
        if await connection.fetchval("SELECT pg_catalog.to_regclass($1)", self.table) is None:
            return ()
        rows = await connection.fetch(f"SELECT number, {', '.join(_FIELDS)} FROM {self.table} ORDER BY phase, number")
        return tuple(_record(row) for row in rows)

    async def create(self, connection: Connection) -> None:
        """Make schema and table, where they are missing. Raises ``PermissionMissing``."""
        import asyncpg

        try:
            await self._create(connection)
        except asyncpg.InsufficientPrivilegeError as error:
            raise PermissionMissing(
                f"what the copy takes off cannot be recorded in {self.schema!r}: {error.message}",
                hint=f"grant the role CREATE on the database or on the schema {self.schema!r}, or name another schema "
                "under [migrations] in confiture.toml",
                sqlstate=error.sqlstate,
            ) from None

    async def _create(self, connection: Connection) -> None:
        if not await connection.fetchval("SELECT pg_catalog.to_regnamespace($1) IS NOT NULL", quote_ident(self.schema)):
            await connection.execute(f"CREATE SCHEMA {quote_ident(self.schema)}")
        if await connection.fetchval("SELECT pg_catalog.to_regclass($1)", self.table) is not None:
            return
        await connection.execute(
            f"CREATE TABLE {self.table} ("
            "number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run text NOT NULL, phase int2 NOT NULL, "
            "kind text NOT NULL, schema_name text NOT NULL, table_name text NOT NULL, name text NOT NULL, "
            "statements text[] NOT NULL, parent text, dangling text, size_bytes int8 NOT NULL, "
            "made timestamptz NOT NULL DEFAULT pg_catalog.now()); "
            f"COMMENT ON TABLE {self.table} IS {quote_literal(self.comment)}"
        )

    async def add(self, connection: Connection, run: str, records: Sequence[Record]) -> None:
        """Keep more of them, which the run ``run`` has taken off."""
        await connection.executemany(
            f"INSERT INTO {self.table} ({', '.join(_FIELDS)}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            [
                (run, record.phase, record.kind, record.schema, record.table, record.name, list(record.statements),
                 record.parent, record.dangling, record.bytes)
                for record in records
            ],
        )  # fmt: skip

    async def drop(self, connection: Connection, number: int) -> None:
        """Its thing is back."""
        await connection.execute(f"DELETE FROM {self.table} WHERE number = $1", number)

    async def end(self, connection: Connection) -> None:
        """Everything is back: the run is no longer unfinished."""
        await connection.execute(f"DELETE FROM {self.table} WHERE phase = {int(Phase.RUN)}")


def _record(row: Any) -> Record:
    return Record(
        number=row["number"],
        run=row["run"],
        phase=Phase(row["phase"]),
        kind=row["kind"],
        schema=row["schema_name"],
        table=row["table_name"],
        name=row["name"],
        statements=tuple(row["statements"]),
        parent=row["parent"],
        dangling=row["dangling"],
        bytes=row["size_bytes"],
    )
