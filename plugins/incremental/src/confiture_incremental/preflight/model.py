"""What ``preflight`` is asked and answers."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from confiture.errors import ConfitureError
from confiture.model import Hazard

__all__ = ["PreflightReport", "PreflightRequest", "Problem", "Tried", "TriedState", "TriedStatement"]

TriedState: TypeAlias = Literal["would run", "failed", "not reached"]


class PreflightRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What ``up`` would be asked, of the run's environment. ``for_real``: try it on the database itself.

    The other fields are those of ``UpRequest``. ``exclude``: patterns of identities that the copy of the schema does
    without.
    """

    for_real: bool = False
    target: str | None = None
    steps: int | None = None
    allow_out_of_order: bool = False
    allow_data_loss: bool = False
    ignore_drift: bool = False
    confirm: str | None = None
    exclude: tuple[str, ...] = ()
    lock_wait_s: float | None = None
    lock_timeout_s: float | None = None
    lock_retry_s: float | None = None
    statement_timeout_s: float | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error that ``up`` would raise, as ``--format json`` shows errors."""

    code: str
    exit_code: int
    message: str
    hint: str | None = None
    where: str | None = None
    detail: str | None = None

    @classmethod
    def of(cls, error: ConfitureError) -> Problem:
        """The error as a value."""
        return cls(
            code=error.code,
            exit_code=error.exit_code,
            message=error.message,
            hint=error.hint,
            where=error.where,
            detail=error.detail,
        )


class TriedStatement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement: what it would do to the database, and, ``for_real``, what it did.

    ``lock`` is the strongest mode that it takes, on ``tables`` (see ``confiture.model.Effects``). ``estimated_s``:
    roughly, how long it takes on tables of their size; None for what takes a moment. ``seconds`` and ``locks``, (mode,
    relation) as pg_locks has them, are measured; None and () where they were not.
    """

    sql: str
    where: str | None = None
    lock: str = ""
    tables: tuple[str, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    estimated_s: float | None = None
    seconds: float | None = None
    locks: tuple[tuple[str, str], ...] = ()


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A migration. ``seconds``: what it took where it was tried. ``failure`` is why it stopped there."""

    version: str
    name: str
    state: TriedState
    seconds: float = 0.0
    statements: tuple[TriedStatement, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    failure: Problem | None = None


class PreflightReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was tried, and what would stop ``up`` before its first statement (``stops``).

    ``not_tried`` are statements that no transaction can try (only ``for_real``). ``exit_code`` is 0 where all would
    run, else that of the first error; a name that is only to be confirmed counts for nothing.
    """

    environment: str
    database: str
    for_real: bool = False
    migrations: tuple[Tried, ...] = ()
    stops: tuple[Problem, ...] = ()
    not_tried: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    exit_code: int = 0
