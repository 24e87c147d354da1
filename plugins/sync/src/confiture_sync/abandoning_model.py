"""What the medium ``sync-abandon`` is asked for, and what it says that it did."""

from __future__ import annotations

import msgspec

__all__ = ["SyncAbandonReport", "SyncAbandonRequest"]


class SyncAbandonRequest(msgspec.Struct, frozen=True, kw_only=True):
    """End the sync into ``target`` (an environment's name or a connection string) that was not finished.

    ``jobs``: sessions at once; None: as many as this machine bears.
    """

    target: str
    jobs: int | None = None


class SyncAbandonReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was done. ``run_id`` is the run that was given up, "" where there was none.

    ``emptied`` are the tables that it had not completed, and those whose rows need them; ``objects`` is how many
    indexes, constraints and triggers were put back.
    """

    target: str
    run_id: str = ""
    emptied: tuple[str, ...] = ()
    objects: int = 0
