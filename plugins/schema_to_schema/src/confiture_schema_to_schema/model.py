"""What the mediums are asked for, and what they say that they did."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Literal

import msgspec

__all__ = [
    "CleanupReport",
    "CleanupRequest",
    "CrossingStatus",
    "CutoverReport",
    "CutoverRequest",
    "Finding",
    "FollowReport",
    "FollowRequest",
    "FollowStatus",
    "HistoryReport",
    "HistoryRequest",
    "LostTable",
    "MapReport",
    "MapRequest",
    "Mismatch",
    "PauseReport",
    "PauseRequest",
    "PlanReport",
    "PlanRequest",
    "PlannedTable",
    "RollbackRequest",
    "SchemaToSchemaReport",
    "SchemaToSchemaRequest",
    "SettleRequest",
    "StatusReport",
    "StatusRequest",
    "StepTime",
    "TableReport",
    "TableStatus",
    "ValidateReport",
    "ValidateRequest",
    "ValidatedTable",
]


class _Sides(msgspec.Struct, frozen=True, kw_only=True):
    """``source`` and ``target``: an environment's name or a connection string; ``mapping``: the map's file.

    None: as ``[schema-to-schema]`` says, else ``production``, ``production_new`` and ``db/migration_map.yaml`` where
    these exist.
    """

    source: str | None = None
    target: str | None = None
    mapping: str | None = None


class PlanRequest(_Sides, frozen=True, kw_only=True):
    """``strategy``: the transfer engine. ``tables``: names of the old or the new database; (): all of them.

    ``sample`` False: no rows are read to measure rates. ``preflight`` False: no rows are read to look for offenders.
    """

    strategy: str | None = None
    tables: tuple[str, ...] = ()
    sample: bool = True
    preflight: bool = True


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was found before the copy. An ``error`` stops a start; ``keys`` are some of the rows' keys.

    ``check``: ``map``, ``unmapped``, ``unfilled``, ``type``, ``merged``, ``unique``, ``not-null``, ``check``,
    ``foreign-key``, ``length``, ``label``, ``privilege``, ``setting``, ``connectivity``, ``engine``, ``key``,
    ``volatile``, ``disk``, ``occupied``, ``capture``; ``lock``, of which a plan tells among the locks.
    """

    level: Literal["error", "warning", "note"]
    check: str
    table: str
    message: str
    hint: str | None = None
    rows: int | None = None
    keys: tuple[str, ...] = ()


class PlannedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a table, as it would be copied. ``seconds``: at the rate that was sampled; None: nobody measured."""

    table: str
    source: str
    query: str
    engine: str
    because: str
    key: tuple[str, ...]
    snapshot: Literal["per chunk", "one"]
    rows: int
    bytes: int
    chunks: int
    rows_per_second: float | None = None
    bytes_per_second: float | None = None
    seconds: float | None = None
    locks: tuple[str, ...] = ()
    irreversible: tuple[str, ...] = ()


class PlanReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a start would do. ``creates``: the new database is not there yet. ``disk_bytes``: what it will need.

    ``seconds``: until all is copied and indexed, by the samples; None where there are none.
    """

    source: str
    target: str
    mapping: str | None
    strategy: str
    creates: bool
    tables: tuple[PlannedTable, ...] = ()
    findings: tuple[Finding, ...] = ()
    locks: tuple[str, ...] = ()
    disk_bytes: int = 0
    seconds: float | None = None
    exit_code: int = 0

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What stops a start."""
        return tuple(finding for finding in self.findings if finding.level == "error")


class SchemaToSchemaRequest(_Sides, frozen=True, kw_only=True):
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


class StatusRequest(_Sides, frozen=True, kw_only=True):
    """How far a migration is."""


Phase = Literal["none", "preparing", "copying", "indexing", "copied"]


class TableStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A part. ``rows`` and ``bytes`` are copied; ``estimated_rows`` there are. ``eta_seconds``: at its rate so far."""

    table: str
    source: str
    engine: str
    state: Literal["waiting", "copying", "copied", "indexed"]
    rows: int
    estimated_rows: int
    bytes: int
    chunks_done: int
    chunks: int
    seconds: float = 0.0


class StepTime(msgspec.Struct, frozen=True, kw_only=True):
    """A step of a cutover. ``locked``: writers of the live side waited while it ran."""

    name: str
    seconds: float
    locked: bool = False
    detail: str = ""


class FollowStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How changes of the live side are brought to the other one. ``entries`` and ``keys`` as in :class:`FollowReport`,
    of all processes together. ``lag_seconds`` and ``backlog_*``: when it was looked at last, which is now where nobody
    follows; ``caught_up``: nothing was left then."""  # noqa: D205, D209

    capture: str
    running: bool = False
    caught_up: bool = False
    batches: int = 0
    entries: int = 0
    keys: int = 0
    lag_seconds: float = 0.0
    backlog_entries: int = 0
    backlog_bytes: int = 0
    longest_lag_s: float = 0.0
    last_applied: dt.datetime | None = None
    last_error: str | None = None


class CrossingStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A cutover or a rollback. ``outcome`` None: it is under way where ``running``, else it was killed."""

    direction: Literal["cutover", "rollback"]
    outcome: Literal["crossed", "given up"] | None
    step: str
    running: bool = False
    switch: str = "none"
    attempts: int = 1
    paused_seconds: float = 0.0
    steps: tuple[StepTime, ...] = ()
    not_reversible: tuple[str, ...] = ()
    started: dt.datetime | None = None
    finished: dt.datetime | None = None


class LostTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the new database that nothing leads back from, and its ``changes`` since the cutover: a rollback loses
    them. None: nobody has counted."""  # noqa: D205, D209

    table: str
    changes: int | None = None


class StatusReport(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is. ``phase`` ``none``: there is no migration into that database; the others are those of the copy.

    ``running``: a process is at work now; ``paused``: it was told to wait, ``waiting_for`` why it waits (a pause, load,
    a replica). ``rows_per_second`` over the last minute. ``live``: the side that applications may write to; None: the
    old database could not be asked. ``following`` None: what changes is not captured. ``losses``: what a rollback would
    lose now.
    """

    source: str
    target: str
    phase: Phase
    run_id: str = ""
    strategy: str = ""
    running: bool = False
    paused: bool = False
    waiting_for: str | None = None
    attempt: int = 0
    started: dt.datetime | None = None
    finished: dt.datetime | None = None
    tables: tuple[TableStatus, ...] = ()
    rows: int = 0
    estimated_rows: int = 0
    bytes: int = 0
    rows_per_second: float | None = None
    bytes_per_second: float | None = None
    eta_seconds: float | None = None
    last_error: str | None = None
    live: Literal["old", "new"] | None = "old"
    following: FollowStatus | None = None
    crossings: tuple[CrossingStatus, ...] = ()
    losses: tuple[LostTable, ...] = ()
    exit_code: int = 0


class PauseRequest(_Sides, frozen=True, kw_only=True):
    """Have the process that copies wait (``paused``), or go on."""

    paused: bool = True


class PauseReport(msgspec.Struct, frozen=True, kw_only=True):
    """``running``: there is a process which that is told to."""

    target: str
    paused: bool
    running: bool
    run_id: str


class ValidateRequest(_Sides, frozen=True, kw_only=True):
    """Compare the mapped rows of the source with those of the target. ``tables`` as in :class:`PlanRequest`.

    ``max_keys``: so many keys of rows that differ are named, by table.
    """

    tables: tuple[str, ...] = ()
    jobs: int | None = None
    max_keys: int = 20


class Mismatch(msgspec.Struct, frozen=True, kw_only=True):
    """A row that is not the same. ``key`` is its key as a JSON array of texts."""

    key: str
    how: Literal["missing", "unexpected", "different"]


class ValidatedTable(msgspec.Struct, frozen=True, kw_only=True):
    """``source_rows`` are those that the map gives. ``differing``: how many rows; ``mismatches`` some of them, by key.

    ``at_least``: there may be more of them, which nobody counted. Of a table without a key a changed row counts twice,
    as one that is missing and one that is unexpected, and none is named. ``hash``: the function that was summed.
    ``transient``: rows that differed at first, and were equal when looked at again; ``pending``: that are still to be
    brought over. ``left_out``: columns that are not compared, since the map gives them another value each time, or its
    ``reverse`` need not give the old value.
    ``not_comparable``: why the table could not be compared, None where it was.
    """

    table: str
    source_rows: int
    target_rows: int
    segments: int
    differing: int
    mismatches: tuple[Mismatch, ...] = ()
    at_least: bool = False
    transient: int = 0
    pending: int = 0
    left_out: tuple[str, ...] = ()
    not_comparable: str | None = None
    hash: str = "hashtextextended"
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether it is what the map gives. Rows that are not in one moment's snapshots alone explain other counts."""
        explained = self.source_rows == self.target_rows or self.transient or self.pending
        return self.not_comparable is None and self.differing == 0 and bool(explained)


class ValidateReport(msgspec.Struct, frozen=True, kw_only=True):
    """``exit_code`` is 7 where a table is not what the map gives of the source. ``source`` is the old database.

    ``truth``: the side that is the live one. Where that is the new one, the tables are those of the old database, which
    are compared with what the map, read backwards, gives of the new one (``source_rows``); ``not_compared``: tables of
    the new one that nothing leads back from.
    """

    source: str
    target: str
    truth: Literal["old", "new"] = "old"
    tables: tuple[ValidatedTable, ...] = ()
    not_compared: tuple[str, ...] = ()
    seconds: float = 0.0
    exit_code: int = 0


class MapRequest(_Sides, frozen=True, kw_only=True):
    """Write a first map. ``output``: the file; None: ``db/migration_map.yaml``. ``force``: replace one that is there.

    ``renames`` and ``drops`` as in ``confiture migrate diff`` (``old=new``).
    """

    output: str | None = None
    force: bool = False
    renames: Mapping[str, str] = {}
    drops: tuple[str, ...] = ()


class MapReport(msgspec.Struct, frozen=True, kw_only=True):
    """``text`` is the map; ``open``: what somebody has to decide, as it stands in the file as comments."""

    path: str
    text: str
    renames: int = 0
    open: tuple[str, ...] = ()


class FollowRequest(_Sides, frozen=True, kw_only=True):
    """Bring what changes on the source to the target, until somebody stops it or a cutover takes over.

    ``until_caught_up``: end when nothing is left that was there at the start. ``jobs`` as in ``[schema-to-schema]``.
    """

    until_caught_up: bool = False
    jobs: int | None = None


class FollowReport(msgspec.Struct, frozen=True, kw_only=True):
    """``ended``: why; ``stopped`` before it had begun, it has no ``run_id``. ``live``: the side that was followed.
    ``entries`` are changes that were taken from the log, ``keys`` the rows that were read again.
    """  # noqa: D205

    source: str
    target: str
    run_id: str
    ended: Literal["caught up", "stopped", "taken over by a cutover"]
    live: Literal["old", "new"] = "old"
    batches: int = 0
    entries: int = 0
    keys: int = 0
    longest_lag_s: float = 0.0
    seconds: float = 0.0
    exit_code: int = 0


class CutoverRequest(_Sides, frozen=True, kw_only=True):
    """Make the new database the live one. ``max_seconds``: for how long writers may wait at most.

    ``switch``: a provider of that kind, ``none`` for none: who owns the application points it at the new database.
    ``command``: of the switch ``command``.
    """

    max_seconds: float = 5.0
    switch: str = "none"
    command: str | None = None


class CutoverReport(msgspec.Struct, frozen=True, kw_only=True):
    """``live``: which side is, in the end. ``paused_seconds``: from the first lock to the moment that writes may go on.

    ``attempts``: how often the locks were asked for. ``took_over``: somebody followed, and has ended for it.
    ``exit_code`` is 9 where the budget was not enough: everything is as it was then, and nobody follows.
    """

    source: str
    target: str
    run_id: str
    live: Literal["old", "new"]
    steps: tuple[StepTime, ...] = ()
    paused_seconds: float = 0.0
    attempts: int = 1
    took_over: bool = False
    switch: str = "none"
    reversible: bool = True
    not_reversible: tuple[str, ...] = ()
    exit_code: int = 0


class RollbackRequest(CutoverRequest, frozen=True, kw_only=True):
    """Make the old database the live one again, with what was written to the new one meanwhile.

    ``lose``: tables of the new database that nothing leads back from, and whose changes since the cutover may be lost.
    """

    lose: tuple[str, ...] = ()


class SettleRequest(_Sides, frozen=True, kw_only=True):
    """End a cutover or a rollback that was cut: forward where it was decided, else back. The report is its own.

    ``switch``: ``none`` leaves out the one that it was begun with, which may be gone for good: to lead applications to
    the live database is its owner's business then.
    """

    switch: Literal["none"] | None = None


class CleanupRequest(_Sides, frozen=True, kw_only=True):
    """Remove what the tool made. ``drop_database``: the old database's name, typed: it is dropped too."""

    drop_database: str | None = None


class CleanupReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed, and what remains, each by side and name.

    ``live``: the side that was live; None: nothing was known of a migration. ``old_database`` and ``new_database``: the
    names of those that are there.
    """

    source: str
    target: str
    removed: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()
    dropped: str | None = None
    live: Literal["old", "new"] | None = None
    old_database: str | None = None
    new_database: str | None = None
    exit_code: int = 0


class HistoryRequest(_Sides, frozen=True, kw_only=True):
    """Write the whole migration as one HTML file. ``output`` None: ``migration-report.html``."""

    output: str | None = None


class HistoryReport(msgspec.Struct, frozen=True, kw_only=True):
    """``path``: the file."""

    path: str
    run_id: str
