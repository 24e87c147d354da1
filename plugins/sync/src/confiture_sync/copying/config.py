"""``[sync]`` in confiture.toml."""

from __future__ import annotations

import msgspec

__all__ = ["SyncConfig"]

#: So many times smaller than others may a part be that is made for the sake of the workers.
_SMALLEST = 8


class SyncConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How rows are moved. ``engine`` is the transfer engine; ``chunk_mb``: a larger table is copied in parts."""

    engine: str = "copy"
    # Large enough that what a transfer costs by itself does not count: some twenty round trips, which a network makes
    # longer than this machine (where 64 MB were as fast, and 16 MB 5 % slower). Small enough that not much is lost by
    # a kill.
    chunk_mb: int = 256

    def chunk_bytes(self, table_bytes: int, workers: int) -> int:
        """The size of a table's parts: smaller ones where that gives each worker some of them."""
        most = max(self.chunk_mb, 0) << 20 or 8192
        if workers < 2:
            return most
        return min(most, max(most // _SMALLEST, table_bytes // (2 * workers)))
