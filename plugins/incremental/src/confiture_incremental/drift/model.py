"""What ``drift`` is asked and answers."""

from __future__ import annotations

from typing import Literal

import msgspec

from confiture_incremental.differences import ObjectDifference

__all__ = ["DriftReport", "DriftRequest"]


class DriftRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Compare the run's environment with ``against``: the project's schema, or what the migrations that its history
    has as applied give.

    ``fix``: write a migration called ``name``, ``sql`` as a pair of SQL files, that takes the database to where it
    should be; ``renames`` and ``drops`` are decisions for it, as in ``migrate diff``. ``exclude``: patterns of
    identities that are not looked at.
    """  # noqa: D205

    against: Literal["schema", "migrations"] = "schema"
    exclude: tuple[str, ...] = ()
    fix: bool = False
    name: str = "fix_drift"
    sql: bool = False
    renames: tuple[tuple[str, str], ...] = ()
    drops: tuple[str, ...] = ()


class DriftReport(msgspec.Struct, frozen=True, kw_only=True):
    """Where the database is not as it should be. ``path`` is the migration that was written.

    ``pending`` are migrations that are still to be applied: against the schema, what they do shows as a difference.
    ``exit_code`` is 2 where there is a difference and no migration was written.
    """

    environment: str
    database: str
    against: Literal["schema", "migrations"]
    differences: tuple[ObjectDifference, ...] = ()
    pending: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    path: str | None = None
    seconds: float = 0.0
    exit_code: int = 0
