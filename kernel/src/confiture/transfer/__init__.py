"""What every transfer of rows needs, whichever engine moves them: snapshots, sessions, chunks, types that fit.

A medium exports one snapshot (:func:`exported_snapshot`), cuts big tables (:func:`split_by_place`,
:func:`split_by_key`), and gives each chunk to an engine as a ``TransferTask`` with the snapshot's id.
"""

from __future__ import annotations

from confiture.transfer.fitting import Column, Fit, WireType, fit, fit_types, query_types
from confiture.transfer.keeping import KeptConnections, keep_connections
from confiture.transfer.sessions import (
    PINNED,
    TAKEN_BYTES,
    TAKEN_ROWS,
    Snapshot,
    exported_snapshot,
    prepare_session,
    reading,
    set_local,
)
from confiture.transfer.splitting import Chunk, split_by_key, split_by_place

__all__ = [
    "PINNED",
    "TAKEN_BYTES",
    "TAKEN_ROWS",
    "Chunk",
    "Column",
    "Fit",
    "KeptConnections",
    "Snapshot",
    "WireType",
    "exported_snapshot",
    "fit",
    "fit_types",
    "keep_connections",
    "prepare_session",
    "query_types",
    "reading",
    "set_local",
    "split_by_key",
    "split_by_place",
]
