"""What the mediums of this plugin are asked and answer, and the section ``[incremental]`` of ``confiture.toml``."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from confiture.migrations.tracking import Direction
from confiture.model import Hazard

__all__ = [
    "Applied",
    "DownRequest",
    "HistoryReport",
    "HistoryRequest",
    "IncrementalConfig",
    "RunReport",
    "StatusReport",
    "StatusRequest",
    "Told",
    "UpRequest",
    "VersionStatus",
]


class IncrementalConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[incremental]`` in ``confiture.toml``. Times are in seconds.

    ``lock_wait_s``: how long a second deployer waits for the first. ``lock_timeout_s``: how long a statement waits for
    a lock, with the application queueing behind it; ``lock_retry_s``: how long it is tried again.
    ``statement_timeout_s``: None for none. ``throttle`` and ``max_replica_lag_s`` are for backfills (see
    ``confiture.model.Execution``). ``before_up`` and ``after_up`` are files of SQL or Python, relative to the project.
    ``seeds``: ``empty``: an empty database that was brought to the present gets the project's seeds.
    ``drift_check``: stop where what a migration touches was changed by others. ``executor`` is the provider.
    """

    lock_wait_s: float = 300.0
    lock_timeout_s: float = 1.0
    lock_retry_s: float = 60.0
    statement_timeout_s: float | None = None
    throttle: float = 0.0
    max_replica_lag_s: float | None = None
    before_up: tuple[str, ...] = ()
    after_up: tuple[str, ...] = ()
    seeds: Literal["never", "empty"] = "never"
    drift_check: bool = True
    executor: str = "runner"


class _Running(msgspec.Struct, frozen=True, kw_only=True):
    """What ``up`` and ``down`` have in common.

    ``target`` is the version that is the newest one afterwards, ``steps`` how many migrations at most. ``dry_run``:
    report the SQL and touch nothing; ``execute`` with it: run it in a transaction that is rolled back. ``script`` is a
    file to write the SQL to. ``fake``: record without running. ``confirm`` is the database's name, which a protected
    environment asks for. Times as in ``[incremental]``; None: as it says.
    """

    target: str | None = None
    steps: int | None = None
    dry_run: bool = False
    dry_run_execute: bool = False
    script: str | None = None
    fake: bool = False
    single_transaction: bool = False
    allow_data_loss: bool = False
    ignore_drift: bool = False
    confirm: str | None = None
    lock_wait_s: float | None = None
    lock_timeout_s: float | None = None
    lock_retry_s: float | None = None
    statement_timeout_s: float | None = None


class UpRequest(_Running, frozen=True, kw_only=True):
    """Apply what is pending: all of it, or up to ``target``, or ``steps`` of them.

    ``allow_out_of_order``: also those whose number is below one that is applied.
    """

    allow_out_of_order: bool = False


class DownRequest(_Running, frozen=True, kw_only=True):
    """Take back what is applied: ``steps`` of them, by default one, or all above ``target`` (``0`` for all)."""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """A migration that was run. ``resumed_at``: the statement (from 1) that it went on with after a failure."""

    version: str
    name: str
    direction: Direction
    statements: int
    seconds: float
    state: str = "applied"
    retries: int = 0
    resumed_at: int | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What to beware of in a migration."""

    version: str
    name: str
    hazards: tuple[Hazard, ...] = ()


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done. ``sql`` is what would be, with ``dry_run``. ``pending`` are the versions that are left.

    ``not_tried`` are statements that no transaction can try.
    """

    environment: str
    database: str
    direction: Direction
    migrations: tuple[Applied, ...] = ()
    pending: tuple[str, ...] = ()
    hazards: tuple[Told, ...] = ()
    dry_run: bool = False
    sql: str | None = None
    script: str | None = None
    not_tried: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


class StatusRequest(msgspec.Struct, frozen=True, kw_only=True):
    """How each migration stands."""


class VersionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One migration. ``state``: what it comes to; ``file`` is None where there is none any more."""

    version: str
    name: str
    state: Literal["applied", "pending", "failed", "half-way", "edited", "missing", "out of order"]
    file: str | None = None
    applied_at: datetime | None = None
    applied_by: str | None = None
    how: str | None = None
    detail: str | None = None


class StatusReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a database stands. ``tracked``: whether it has a history; ``current`` is the newest applied version."""

    environment: str
    database: str
    tracked: bool
    current: str | None
    migrations: tuple[VersionStatus, ...]
    pending: int = 0
    problems: tuple[str, ...] = ()
    exit_code: int = 0


class HistoryRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, newest first. ``limit`` None: all of it; ``version``: of one migration."""

    version: str | None = None
    limit: int | None = None


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the history."""

    id: int
    version: str
    name: str
    direction: Direction
    state: str
    statements: int
    at: datetime
    by: str
    host: str | None
    tool_version: str | None
    duration_s: float | None
    checksum: str | None
    message: str | None


class HistoryReport(msgspec.Struct, frozen=True, kw_only=True):
    """The events, newest first."""

    environment: str
    database: str
    events: tuple[HistoryEntry, ...]
