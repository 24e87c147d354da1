"""What a copy is asked for, and says that it did."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from confiture_schema_to_schema.model.planning import Finding
from confiture_schema_to_schema.model.sides import SidesRequest

__all__ = ["PauseReport", "PauseRequest", "SchemaToSchemaReport", "SchemaToSchemaRequest", "TableReport"]


class SchemaToSchemaRequest(SidesRequest, frozen=True, kw_only=True):
    """Begin a migration, or go on with it (``resume``: then nothing else needs to be said).

    ``jobs`` and ``max_mb_per_second`` as in ``[schema-to-schema]``. ``preflight`` False: rows are not looked at
    beforehand; what they violate is then found when it happens.
    """

    strategy: str | None = None
    tables: tuple[str, ...] = ()
    jobs: int | None = None
    max_mb_per_second: float | None = None
    preflight: bool = True
    resume: bool = False


class TableReport(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the new database. ``engines``: by part. ``rows``: that it took, in all runs of this migration."""

    table: str
    sources: tuple[str, ...]
    engines: tuple[str, ...]
    rows: int
    bytes: int
    seconds: float
    chunks: int


class SchemaToSchemaReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was copied. ``snapshot_seconds``: the longest time that a snapshot of the source was held for a part with a
    key; ``whole_snapshots``: tables without one, and how long theirs was. ``capture``: what tells of changes since the
    start; None: nothing does."""  # noqa: D205, D209

    source: str
    target: str
    run_id: str
    created: bool
    resumed: bool
    tables: tuple[TableReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    capture: str | None = None
    snapshot_seconds: float = 0.0
    whole_snapshots: Mapping[str, float] = {}
    seconds: float = 0.0
    exit_code: int = 0

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(table.rows for table in self.tables)


class PauseRequest(SidesRequest, frozen=True, kw_only=True):
    """Have the process that copies wait (``paused``), or go on."""

    paused: bool = True


class PauseReport(msgspec.Struct, frozen=True, kw_only=True):
    """``running``: there is a process which that is told to."""

    target: str
    paused: bool
    running: bool
    run_id: str
