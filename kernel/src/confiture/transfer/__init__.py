"""What every transfer of rows needs, whichever engine moves them: snapshots, sessions, chunks, types that fit.

A medium exports one snapshot (:func:`exported_snapshot`), cuts big tables (:func:`split_by_place`,
:func:`split_by_key`), and gives each chunk to an engine as a ``TransferTask`` with the snapshot's id,
in several workers (:func:`run_workers`). Which database it reads, for a run that goes on later: :func:`read_identity`.
How fast an engine would be: :func:`timed_sample`.
"""

from __future__ import annotations

from confiture.transfer.fitting import Column, Fit, WireType, fit, fit_types, query_types
from confiture.transfer.identity import Position, read_identity, read_position
from confiture.transfer.keeping import KeptConnections, keep_connections
from confiture.transfer.sampling import Sample, timed_sample
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
from confiture.transfer.workers import run_workers, worker_count

__all__ = [
    "PINNED",
    "TAKEN_BYTES",
    "TAKEN_ROWS",
    "Chunk",
    "Column",
    "Fit",
    "KeptConnections",
    "Position",
    "Sample",
    "Snapshot",
    "WireType",
    "exported_snapshot",
    "fit",
    "fit_types",
    "keep_connections",
    "prepare_session",
    "query_types",
    "read_identity",
    "read_position",
    "reading",
    "run_workers",
    "set_local",
    "split_by_key",
    "split_by_place",
    "timed_sample",
    "worker_count",
]
