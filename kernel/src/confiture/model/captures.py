"""What changes in a database that goes on serving: which tables are watched, and which of their rows have changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

__all__ = ["Backlog", "CaptureFinding", "CapturedTable", "Changes"]


class CapturedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table whose changed rows are to be known. ``label`` is ``schema.table``, ``sql`` its name in SQL.

    ``columns`` are bare names: what is told of a changed row, its values before and after. The first ``key`` of them
    find the row. A partitioned table is captured with all its partitions, those to come too.
    """

    label: str
    sql: str
    columns: tuple[str, ...]
    key: int = 1


class CaptureFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Why a table cannot be captured (``error``), or what to know of it. ``table`` is a label, "" for all.

    ``lock``: what installing it locks and what its writers pay from then on, for a plan to show.
    """

    level: Literal["error", "warning", "note", "lock"]
    message: str
    table: str = ""
    hint: str | None = None


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What a capture has to tell at one moment.

    ``rows``: by table's label, the distinct tuples of texts of ``CapturedTable.columns`` that changed rows had before
    or after (None for NULL); no order. ``truncated``: labels of tables that were emptied. ``complete``: nothing that
    the snapshot can see was left out for a limit. ``entries``: how many changes that were. ``token`` is the capture's
    own, for ``Capture.ack``. The repr holds no value.
    """

    rows: Mapping[str, tuple[tuple[str | None, ...], ...]]
    truncated: frozenset[str] = frozenset()
    complete: bool = True
    entries: int = 0
    token: Any = None

    def __repr__(self) -> str:
        """Without the values: they are keys."""
        return f"Changes(entries={self.entries}, tables={sorted(self.rows)}, truncated={sorted(self.truncated)})"


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """What waits to be told. ``age_s``: since when the oldest has waited; 0 where there is nothing."""

    entries: int
    bytes: int
    age_s: float
