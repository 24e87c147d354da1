"""What a validation is asked for, and finds."""

from __future__ import annotations

from typing import Literal

import msgspec

from confiture_schema_to_schema.model.sides import SidesRequest

__all__ = ["Mismatch", "ValidateReport", "ValidateRequest", "ValidatedTable"]


class ValidateRequest(SidesRequest, frozen=True, kw_only=True):
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
