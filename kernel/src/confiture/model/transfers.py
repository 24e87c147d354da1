"""Rows that move from one database to another, and the masks over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from confiture.model.plans import Statement
from confiture.model.servers import Target

__all__ = ["Mask", "TransferReport", "TransferSurvey", "TransferTask"]


class Mask(msgspec.Struct, frozen=True, kw_only=True):
    """What replaces a column on its way out.

    ``expression`` is SQL over the row of the task's query, whose columns go by the names of ``TransferTask.columns``:
    it runs on the source, so that the value does not leave it. ``function`` runs in the client: it gets the value as
    it travels (PostgreSQL's binary form of the type, or its text where the transfer is in text; None for NULL) and
    returns what goes in its place. It is a callable or ``"module:object"``. Where a mask has both, the function gets
    what the expression gives.

    A mask kind says the rest too, for the checks before a run. ``uniqueness``: whether values that differ stay so
    (``preserved``), do but for a chance of 1 to 2^``bits`` for two of them (``probable``), or need not (``lossy``).
    ``max_length`` is of its text, in characters; None: not known. ``nullable``: it may give NULL for a value.
    ``omitted``: the column is not copied at all, so that the target's default takes its place.
    """

    column: str = ""
    expression: str = ""
    function: Callable[[bytes | None], bytes | None] | str | None = None
    uniqueness: Literal["preserved", "probable", "lossy"] = "lossy"
    bits: float = 0.0
    max_length: int | None = None
    nullable: bool = False
    omitted: bool = False

    @property
    def runs_in(self) -> Literal["source", "client"]:
        """Where the mask is made: values of one that runs in the client leave the source as they are."""
        return "source" if self.function is None else "client"


class TransferTask(msgspec.Struct, frozen=True, kw_only=True):
    """Rows to move: ``query`` runs on the source, its columns go to ``columns`` of ``table`` on the target.

    ``table`` is SQL text, qualified and quoted where needed; ``columns`` are bare names, as many as the query has.
    ``snapshot`` is one that a session of the source exported and still holds (``confiture.transfer``).
    ``settings`` are set on the source for the query, which reads them with ``current_setting('name')``: keys and lists
    of keys belong there, since the text of a query is in pg_stat_activity and in logs. ``before`` and ``after`` run on
    the target, in the transaction of the rows; those after them find how many the target took, and their bytes, in the
    settings ``confiture.taken_rows`` and ``confiture.taken_bytes``. ``binary`` False: the rows travel as text, so that
    each value is read anew by the column's type. ``step``: ``Progress`` in rows runs under that name, in bytes under
    ``<step>.bytes``; "" for none. ``rollback``: all of it is taken back on the target in the end, deferred constraints
    having been checked; the report says what would have been.

    ``freeze``: the rows are written as if they were old, which spares a later VACUUM (COPY's FREEZE): of a table that
    was made or emptied by ``before``, and is not partitioned. ``bytes_per_second``: not more than that, where the
    engine can hold a stream back; who cannot leaves it to its caller, who waits between tasks.
    """

    source: Target
    target: Target
    table: str
    columns: tuple[str, ...]
    query: str
    estimated_rows: int | None = None
    snapshot: str | None = None
    settings: Mapping[str, str] = {}
    before: tuple[Statement, ...] = ()
    after: tuple[Statement, ...] = ()
    binary: bool = True
    rollback: bool = False
    freeze: bool = False
    bytes_per_second: int | None = None
    step: str = ""

    def __repr__(self) -> str:
        """Without the settings' values: they may be keys."""
        return (
            f"TransferTask(source={self.source!r}, target={self.target!r}, table={self.table!r}, "
            f"columns={self.columns!r}, query={self.query!r}, settings={sorted(self.settings)!r})"
        )


class TransferReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a transfer engine did. ``rows`` are those that the target took, ``bytes`` what went over, as it travelled.

    ``binary``: in PostgreSQL's binary form, or as text.
    """

    rows: int
    bytes: int
    seconds: float
    binary: bool = True


class TransferSurvey(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine says of a task beforehand. ``engine`` is the provider that is to do it: itself, or its choice.

    ``because`` is why, for people. ``obstacle`` is why it cannot be done, None where it can; ``hint`` what to do then.
    ``rows_per_second`` and ``bytes_per_second`` (as they travel) are measured on the task's own rows; None where nobody
    measured. ``locks`` are sentences for people: what is locked where, and for how long.
    """

    engine: str
    because: str = ""
    obstacle: str | None = None
    hint: str | None = None
    rows_per_second: float | None = None
    bytes_per_second: float | None = None
    locks: tuple[str, ...] = ()
