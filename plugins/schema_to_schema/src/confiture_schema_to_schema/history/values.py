"""What a report is made of, as the state of a migration has it."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

from confiture_schema_to_schema.crossing.state import CrossingRecord
from confiture_schema_to_schema.model import StatusReport
from confiture_schema_to_schema.validating.recording import Validation

__all__ = ["History", "LagSample", "RateSample", "Span"]


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which something was done. ``kind`` gives it its color, ``lane`` its line in the plot."""

    lane: str
    kind: Literal["copy", "index", "follow", "validate", "cutover", "rollback"]
    label: str
    start: dt.datetime
    end: dt.datetime


class RateSample(msgspec.Struct, frozen=True, kw_only=True):
    """How much was copied in the time around ``at``: rows and bytes a second."""

    at: dt.datetime
    rows: float
    bytes: float


class LagSample(msgspec.Struct, frozen=True, kw_only=True):
    """The worst lag in the time around ``at``, and the most changes that waited. ``to``: the side that lagged."""

    at: dt.datetime
    seconds: float
    entries: int
    to: Literal["old", "new"] = "new"


class History(msgspec.Struct, frozen=True, kw_only=True):
    """All of a migration. ``made``: when this was read. Samples are in the order of time."""

    status: StatusReport
    made: dt.datetime
    spans: tuple[Span, ...] = ()
    rates: tuple[RateSample, ...] = ()
    lags: tuple[LagSample, ...] = ()
    validations: tuple[Validation, ...] = ()
    crossings: tuple[CrossingRecord, ...] = ()
