"""How large a chunk is: what is read under one snapshot, and what a kill loses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from confiture_schema_to_schema.configuring import SchemaToSchemaConfig
    from confiture_schema_to_schema.values import PartPlan

__all__ = ["Sizing"]

#: A chunk that took longer than :data:`_SNAPSHOT_S` is followed by ones that would take so long.
_AIM_S = 10.0
_MOST_PIECES = 64
#: A snapshot of the source is not to be held for longer: what it needs is not vacuumed.
_SNAPSHOT_S = 20.0
#: What a chunk costs by itself counts below that.
_LEAST_BYTES = 1 << 20
#: So many times smaller than others may a chunk be that is made for the sake of the workers.
_SMALLEST = 8


class Sizing(msgspec.Struct, frozen=True, kw_only=True):
    """``bytes_per_second``: the limit of all workers together; None: there is none."""

    chunk_mb: int
    workers: int
    bytes_per_second: float | None = None

    @classmethod
    def of(cls, config: SchemaToSchemaConfig, workers: int, max_mb_per_second: float | None) -> Sizing:
        """As ``[schema-to-schema]`` says; ``max_mb_per_second`` comes first."""
        limit = max_mb_per_second if max_mb_per_second is not None else config.max_mb_per_second
        return cls(
            chunk_mb=config.chunk_mb,
            workers=workers,
            bytes_per_second=None if limit is None else max(limit, 0.001) * (1 << 20),
        )

    @property
    def worker_bytes_per_second(self) -> int | None:
        """What each worker may move."""
        return None if self.bytes_per_second is None else max(int(self.bytes_per_second / self.workers), 1)

    def chunk_bytes(self, plan: PartPlan) -> int:
        """As configured; smaller where that gives each worker some, or one would take too long."""
        most = max(self.chunk_mb, 0) << 20 or 8192
        size = plan.source.bytes + plan.source.toast
        found = most
        if self.workers > 1:
            found = min(most, max(most // _SMALLEST, size // (2 * self.workers)))
        for rate in (plan.survey.bytes_per_second, self.worker_bytes_per_second):
            if rate is not None:
                found = min(found, int(rate * _SNAPSHOT_S))
        return max(found, min(_LEAST_BYTES, most))

    def pieces(self, rows: int, copied_rows: int, seconds: float) -> int:
        """Into how many a chunk of so many rows is to be cut, where ``copied_rows`` took so long; 1: as it is."""
        if seconds <= _SNAPSHOT_S or not copied_rows:
            return 1
        aim = max(copied_rows * _AIM_S / seconds, 1.0)
        return 1 if rows <= 2 * aim else min(math.ceil(rows / aim), _MOST_PIECES)

    def chunks(self, plan: PartPlan) -> int:
        """How many chunks that makes of a part. Values that are kept apart (TOAST) count."""
        size = plan.source.bytes + plan.source.toast
        return max(-(-size // self.chunk_bytes(plan)), 1)
