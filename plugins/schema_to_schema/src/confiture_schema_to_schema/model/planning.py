"""What a plan is asked for, and says."""

from __future__ import annotations

from typing import Literal

import msgspec

from confiture_schema_to_schema.model.sides import SidesRequest

__all__ = ["Finding", "PlanReport", "PlanRequest", "PlannedTable"]


class PlanRequest(SidesRequest, frozen=True, kw_only=True):
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
    ``volatile``, ``disk``, ``occupied``, ``capture``, ``begun``; ``lock``, of which a plan tells among the locks.
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
