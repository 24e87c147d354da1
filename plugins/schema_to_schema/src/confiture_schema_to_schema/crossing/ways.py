"""Which way is crossed: from the live side to the other one, and what leads back from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture.model import Target
from confiture_schema_to_schema.capturing import Watch
from confiture_schema_to_schema.crossing.state import Direction
from confiture_schema_to_schema.following.recent import Recent
from confiture_schema_to_schema.values import Job, Sides, TargetTable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Way"]


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """``job`` brings rows from the live side (its source) to the other, by what ``watch`` captures there.

    ``back`` and ``back_watch`` lead the other way; None where nothing does. ``not_reversible``: why some or all tables
    have no way back; ``losses`` has those of the new database, and what counts the changes there. ``sides``: the old
    database and the new one, whichever is live. ``run_id`` is the migration's.
    ``left``: labels and SQL of the live side's tables that nothing takes, which are to be closed with the others.
    ``recent``: what was brought over since this crossing began.
    ``unfilled``: labels of the new database's tables that nothing of the old one fills; they are among the losses.
    """

    direction: Direction
    sides: Sides
    run_id: str
    job: Job
    watch: Watch
    back: Job | None = None
    back_watch: Watch | None = None
    not_reversible: tuple[str, ...] = ()
    left: tuple[tuple[str, str], ...] = ()
    losses: Watch | None = None
    unfilled: tuple[str, ...] = ()
    recent: Recent = msgspec.field(default_factory=Recent)

    @property
    def live(self) -> Target:
        """The side that applications write to, until this is decided."""
        return self.job.sides.source

    @property
    def other(self) -> Target:
        """The side that they write to afterwards."""
        return self.job.sides.target

    def closed_there(self) -> Sequence[str]:
        """Tables of the live side that nobody may write to afterwards, in SQL, in the order of their names."""
        read = {table.label: table.sql for table in self.watch.tables}
        filled = {table.label: table.table.sql for table in self.back.tables} if self.back is not None else {}
        return [sql for _, sql in sorted({**dict(self.left), **read, **filled}.items())]

    def stranding(self) -> Sequence[TargetTable]:
        """Of a rollback: tables of the new database that lead back, and may have rows that are none of the old one."""
        if self.direction != "rollback" or self.back is None:
            return ()
        partial = {
            label
            for table in self.job.tables
            for part in table.parts
            if part.partial
            for label in (part.source, *part.lookups)
        }
        lost = {table.label for table in self.losses.tables} if self.losses is not None else set()
        return [table for table in self.back.tables if table.label in partial - lost and table.key]

    def closed_here(self) -> Sequence[str]:
        """Tables of the other side that nobody may write to before."""
        return [table.table.sql for table in self.job.tables]
