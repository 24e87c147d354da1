"""What was copied, in all attempts of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture_schema_to_schema.model import TableReport

if TYPE_CHECKING:
    from confiture_schema_to_schema.copying.records import ChunkRecord, PartRecord
    from confiture_schema_to_schema.values import Job

__all__ = ["Copied", "report"]


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What :func:`copy_tables` gives the report."""

    tables: tuple[TableReport, ...]
    snapshot_seconds: float
    whole_snapshots: dict[str, float]


def report(
    job: Job,
    parts: Sequence[PartRecord],
    chunks: Sequence[ChunkRecord],
    snapshot_seconds: float,
    whole_seconds: Mapping[str, float],
) -> Copied:
    """All tables, from the state; ``snapshot_seconds`` and ``whole_seconds`` (by source) are what this attempt saw."""
    by_part: dict[int, list[ChunkRecord]] = {part.part: [] for part in parts}
    for chunk in chunks:
        by_part[chunk.part].append(chunk)
    whole = dict(whole_seconds)
    for part in parts:
        of_part = by_part[part.part]
        if part.keyed:
            snapshot_seconds = max([snapshot_seconds, *(chunk.seconds for chunk in of_part)])
        else:  # of an earlier attempt: one snapshot for all of them, for about so long
            whole.setdefault(part.source, sum(chunk.seconds for chunk in of_part))
    tables = []
    for target in job.tables:
        own = [part for part in parts if part.target == target.label]
        if own:
            tables.append(_table(target.label, own, [chunk for part in own for chunk in by_part[part.part]]))
    return Copied(tables=tuple(tables), snapshot_seconds=snapshot_seconds, whole_snapshots=whole)


def _table(label: str, parts: Sequence[PartRecord], chunks: Sequence[ChunkRecord]) -> TableReport:
    return TableReport(
        table=label,
        sources=tuple(part.source for part in parts),
        engines=tuple(part.engine for part in parts),
        rows=sum(chunk.rows for chunk in chunks),
        bytes=sum(chunk.bytes for chunk in chunks),
        seconds=sum(chunk.seconds for chunk in chunks),
        chunks=len(chunks),
    )
