"""What who follows is asked for, and says that it did."""

from __future__ import annotations

from typing import Literal

import msgspec

from confiture_schema_to_schema.model.sides import SidesRequest

__all__ = ["FollowReport", "FollowRequest"]


class FollowRequest(SidesRequest, frozen=True, kw_only=True):
    """Bring what changes on the source to the target, until somebody stops it or a cutover takes over.

    ``until_caught_up``: end when nothing is left that was there at the start. ``jobs`` as in ``[schema-to-schema]``.
    """

    until_caught_up: bool = False
    jobs: int | None = None


class FollowReport(msgspec.Struct, frozen=True, kw_only=True):
    """``ended``: why; ``stopped`` before it had begun, it has no ``run_id``. ``live``: the side that was followed.
    ``entries`` are changes that were taken from the log, ``keys`` the rows that were read again.
    """  # noqa: D205

    source: str
    target: str
    run_id: str
    ended: Literal["caught up", "stopped", "taken over by a cutover"]
    live: Literal["old", "new"] = "old"
    batches: int = 0
    entries: int = 0
    keys: int = 0
    longest_lag_s: float = 0.0
    seconds: float = 0.0
    exit_code: int = 0
