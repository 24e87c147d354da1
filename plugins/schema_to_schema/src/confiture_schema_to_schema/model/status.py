"""How far a migration is."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

from confiture_schema_to_schema.model.sides import SidesRequest

__all__ = [
    "CrossingStatus",
    "FollowStatus",
    "LostTable",
    "Phase",
    "StatusReport",
    "StatusRequest",
    "StepTime",
    "TableStatus",
]


class StatusRequest(SidesRequest, frozen=True, kw_only=True):
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
    follows; ``caught_up``: nothing was left then. ``last_error``: what is in its way where it is ``running``,
    else why it ended."""  # noqa: D205, D209

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
