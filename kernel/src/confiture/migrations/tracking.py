"""The tracking table as SQL: how it is made, and the rows that say what was done. No I/O here.

The table is append-only: each row is an event, and :mod:`confiture.migrations.history` folds them into what holds now.
Everything is a :class:`Statement`, so that a row is written in the very transaction of what it records, and shows in
``--dry-run`` and ``--script`` as it is run.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Literal, TypeAlias

import msgspec

from confiture.config.project import MigrationsConfig, Project
from confiture.model import Statement
from confiture.quoting import quote_ident, quote_literal

__all__ = [
    "COLUMNS",
    "LAYOUT",
    "Direction",
    "Record",
    "State",
    "Tracking",
    "client",
    "layout_of",
    "tool_version",
    "tracking_of",
]

Direction: TypeAlias = Literal["up", "down"]
#: ``applied``: run to its end. ``faked``, ``baseline``, ``built``, ``squashed``: taken to be so, without being run.
#: ``started``: so many statements are done, and the next may have been begun. ``failed``: an attempt ended there.
#: ``repaired``: an edited file was accepted; or, of one that stopped half-way, somebody said how far it is.
State: TypeAlias = Literal["applied", "faked", "baseline", "built", "squashed", "started", "failed", "repaired"]

#: The layout that this version writes; the table's comment says which one a table has.
LAYOUT = 2
#: The columns of the layout, and what each is.
COLUMNS: dict[str, str] = {
    "id": "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "version": "text NOT NULL",
    "name": "text NOT NULL",
    "checksum": "text",
    "direction": "text NOT NULL DEFAULT 'up' CHECK (direction IN ('up', 'down'))",
    "state": "text NOT NULL DEFAULT 'applied'",
    "statements": "integer NOT NULL DEFAULT 0",
    "progress": "text",
    "applied_at": "timestamp with time zone NOT NULL DEFAULT clock_timestamp()",
    "applied_by": "text NOT NULL DEFAULT session_user",
    "host": "text",
    "tool_version": "text",
    "run_id": "text",
    "duration": "interval",
    "message": "text",
    "snapshot": "bytea",
}
_COMMENT = "confiture's history of this database's migrations, one row an event; layout"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A row to write. ``statements`` are done so far, ``progress`` is a digest of them.

    ``seconds`` None: what the transaction that writes the row has taken. ``message`` says why, or what went wrong.
    """

    version: str
    name: str
    checksum: str | None
    direction: Direction = "up"
    state: State = "applied"
    statements: int = 0
    progress: str | None = None
    seconds: float | None = None
    message: str | None = None


class Tracking(msgspec.Struct, frozen=True, kw_only=True):
    """Where the table is, and who writes to it: ``client`` is ``user@host``, ``tool`` the version of confiture."""

    schema: str
    table: str
    run_id: str = ""
    client: str = ""
    tool: str = ""

    @property
    def qualified(self) -> str:
        """The table's name as SQL text."""
        return f"{quote_ident(self.schema)}.{quote_ident(self.table)}"

    def create(self, *, schema_exists: bool) -> list[Statement]:
        """What makes the table. ``schema_exists``: CREATE SCHEMA wants a privilege even where it has nothing to do."""
        columns = ",\n".join(f"    {quote_ident(name)} {type_}" for name, type_ in COLUMNS.items())
        found = [] if schema_exists else [Statement(sql=f"CREATE SCHEMA {quote_ident(self.schema)}")]
        return [*found, Statement(sql=f"CREATE TABLE {self.qualified} (\n{columns}\n)"), self._comment()]

    def upgrade(self, columns: Collection[str], unique: Iterable[str] = ()) -> list[Statement]:
        """What brings a table of an older layout, which has ``columns``, to this one. Its rows stay.

        Layout 1 was a row for each migration that is applied, without the columns that it lacks here; ``unique`` are
        its constraints that allow a version only once.
        """
        missing = [f"ADD COLUMN {quote_ident(name)} {type_}" for name, type_ in COLUMNS.items() if name not in columns]
        changes = [*(f"DROP CONSTRAINT {quote_ident(name)}" for name in unique), *missing]
        text = ",\n    ".join(changes)
        found = [Statement(sql=f"ALTER TABLE {self.qualified}\n    {text}")] if changes else []
        return [*found, self._comment()]

    def insert(self, records: Sequence[Record]) -> Statement:
        """What writes the rows."""
        rows = ",\n".join(f"    ({', '.join(self._values(record))})" for record in records)
        return Statement(
            sql=f"INSERT INTO {self.qualified} (version, name, checksum, direction, state, statements, progress, host, "
            f"tool_version, run_id, duration, message) VALUES\n{rows}"
        )

    def _values(self, record: Record) -> list[str]:
        duration = (
            "clock_timestamp() - transaction_timestamp()"
            if record.seconds is None
            else f"interval '{record.seconds:.6f} seconds'"
        )
        texts = [_literal(text) for text in (record.version, record.name, record.checksum, record.direction)]
        own = [_literal(text or None) for text in (self.client, self.tool, self.run_id)]
        return [
            *texts,
            _literal(record.state),
            str(record.statements),
            _literal(record.progress),
            *own,
            duration,
            _literal(record.message),
        ]

    def _comment(self) -> Statement:
        return Statement(sql=f"COMMENT ON TABLE {self.qualified} IS {quote_literal(f'{_COMMENT} {LAYOUT}')}")


def tracking_of(project: Project, run_id: str = "") -> Tracking:
    """The project's tracking table: ``[migrations] schema`` and ``table``."""
    config = project.section("migrations", MigrationsConfig)
    return Tracking(schema=config.schema, table=config.table, run_id=run_id, client=client(), tool=tool_version())


def client() -> str:
    """Who runs this, and where: ``user@host``. The database's role is a column of its own."""
    user = ""
    with suppress(OSError, KeyError, ImportError):  # a container's user may have no name
        user = getpass.getuser()
    return f"{user or os.getuid()}@{socket.gethostname()}"


def tool_version() -> str:
    """The version of confiture, ``unknown`` where it is not installed as a package."""
    try:
        return version("confiture-pg")
    except PackageNotFoundError:
        return "unknown"


def layout_of(comment: str | None) -> int:
    """The layout that a table's comment names: 1 for one without, as tables had none then."""
    last = (comment or "").rpartition(" ")[2]
    return int(last) if (comment or "").startswith(_COMMENT) and last.isdecimal() else 1


def _literal(text: str | None) -> str:
    return "NULL" if text is None else quote_literal(text.replace("\0", ""))
