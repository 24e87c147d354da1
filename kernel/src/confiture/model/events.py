"""What a run tells its observers."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = ["Event", "Logged", "Note", "Progress", "StepFinished", "StepStarted", "WarningRaised"]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    """The base of what a run tells its observers."""


class StepStarted(Event, frozen=True, kw_only=True):
    """A step begins. ``step`` names it for programs (``build.execute``), ``label`` for people."""

    step: str
    label: str


class Progress(Event, frozen=True, kw_only=True):
    """How far a step is. Only the newest of each step is kept for a slow subscriber."""

    step: str
    done: int
    total: int | None = None
    unit: str = "statements"


class StepFinished(Event, frozen=True, kw_only=True):
    """A step ended well."""

    step: str
    seconds: float
    summary: str = ""


class Note(Event, frozen=True, kw_only=True):
    """Something worth telling that asks for nothing."""

    message: str


class WarningRaised(Event, frozen=True, kw_only=True):
    """Something that the user should look at; the run goes on."""

    message: str
    hint: str | None = None


class Logged(Event, frozen=True, kw_only=True):
    """A line for the log, with its fields; shown only with ``--verbose``."""

    message: str
    fields: Mapping[str, str | int | float | bool | None] = {}
