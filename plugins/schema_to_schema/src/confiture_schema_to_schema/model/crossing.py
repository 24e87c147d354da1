"""What a cutover or a rollback is asked for, and says that it did."""

from __future__ import annotations

from typing import Literal

import msgspec

from confiture_schema_to_schema.model.sides import SidesRequest
from confiture_schema_to_schema.model.status import StepTime

__all__ = ["CutoverReport", "CutoverRequest", "RollbackRequest", "SettleRequest"]


class CutoverRequest(SidesRequest, frozen=True, kw_only=True):
    """Make the new database the live one. ``max_seconds``: for how long writers may wait at most.

    ``switch``: a provider of that kind, ``none`` for none: who owns the application points it at the new database.
    ``command``: of the switch ``command``.
    """

    max_seconds: float = 5.0
    switch: str = "none"
    command: str | None = None


class CutoverReport(msgspec.Struct, frozen=True, kw_only=True):
    """``live``: which side is, in the end. ``paused_seconds``: from the first lock to the moment that writes may go on.

    ``attempts``: how often the locks were asked for. ``took_over``: somebody followed, and has ended for it.
    ``exit_code`` is 9 where the budget was not enough: everything is as it was then, and nobody follows.
    """

    source: str
    target: str
    run_id: str
    live: Literal["old", "new"]
    steps: tuple[StepTime, ...] = ()
    paused_seconds: float = 0.0
    attempts: int = 1
    took_over: bool = False
    switch: str = "none"
    reversible: bool = True
    not_reversible: tuple[str, ...] = ()
    exit_code: int = 0


class RollbackRequest(CutoverRequest, frozen=True, kw_only=True):
    """Make the old database the live one again, with what was written to the new one meanwhile.

    ``lose``: tables of the new database that nothing leads back from, and whose changes since the cutover may be lost.
    """

    lose: tuple[str, ...] = ()


class SettleRequest(SidesRequest, frozen=True, kw_only=True):
    """End a cutover or a rollback that was cut: forward where it was decided, else back. The report is its own.

    ``switch``: ``none`` leaves out the one that it was begun with, which may be gone for good: to lead applications to
    the live database is its owner's business then.
    """

    switch: Literal["none"] | None = None
