"""What ``verify`` is asked and answers."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from confiture_incremental.differences import ObjectDifference

__all__ = ["VerifyReport", "VerifyRequest", "Way", "WayState"]

WayState: TypeAlias = Literal["ok", "irreversible", "differs", "down failed", "up failed"]


class VerifyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``all``: try every migration up and down, not only those that are pending in the run's environment.

    ``exclude``: patterns of identities that are not compared with the project's schema.
    """

    all: bool = False
    exclude: tuple[str, ...] = ()


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A migration that was run up, down and up again.

    ``state``: ``ok``: down led back to where up began. ``irreversible``: it has no way back, and says so. ``differs``:
    something was left otherwise, listed in ``differences``. ``down failed``, ``up failed``: the way back, or the second
    way up, was stopped by the error ``message``, ``where`` in its file.
    """

    version: str
    name: str
    state: WayState
    differences: tuple[ObjectDifference, ...] = ()
    message: str | None = None
    where: str | None = None

    @property
    def good(self) -> bool:
        """Whether nothing is to be mended."""
        return self.state in ("ok", "irreversible")


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """``differences``: where all migrations together lead elsewhere than the project's schema says.

    ``ways`` are the migrations that were tried; ``pending_of`` is the database whose history chose them, None where all
    were. ``exit_code`` is 2 where something is to be mended.
    """

    migrations: int
    differences: tuple[ObjectDifference, ...] = ()
    ways: tuple[Way, ...] = ()
    pending_of: str | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    exit_code: int = 0
