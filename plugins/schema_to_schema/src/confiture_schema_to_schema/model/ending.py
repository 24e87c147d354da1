"""What comes after a migration: the cleanup, and its report."""

from __future__ import annotations

from typing import Literal

import msgspec

from confiture_schema_to_schema.model.sides import SidesRequest

__all__ = ["CleanupReport", "CleanupRequest", "HistoryReport", "HistoryRequest"]


class CleanupRequest(SidesRequest, frozen=True, kw_only=True):
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


class HistoryRequest(SidesRequest, frozen=True, kw_only=True):
    """Write the whole migration as one HTML file. ``output`` None: ``migration-report.html``."""

    output: str | None = None


class HistoryReport(msgspec.Struct, frozen=True, kw_only=True):
    """``path``: the file."""

    path: str
    run_id: str
