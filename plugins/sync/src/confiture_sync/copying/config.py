"""``[sync]`` in confiture.toml."""

from __future__ import annotations

import os

import msgspec

__all__ = ["SyncConfig", "worker_count"]

#: More sessions than this gain little on one pair of servers, and are felt by whoever else uses the source.
_MOST = 4


class SyncConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How rows are moved. ``engine`` is the transfer engine; ``chunk_mb``: a larger table is copied in parts."""

    engine: str = "copy"
    # Large enough that what a transfer costs by itself does not count, small enough that not much is lost by a kill,
    # and that the last table keeps all workers at work.
    chunk_mb: int = 256

    @property
    def chunk_bytes(self) -> int:
        """The size of a part."""
        return max(self.chunk_mb, 0) << 20 or 8192


def worker_count(jobs: int | None) -> int:
    """How many workers: what was asked for, else as many as this machine has processors, four at most."""
    return max(jobs, 1) if jobs is not None else min(_MOST, os.cpu_count() or 1)
