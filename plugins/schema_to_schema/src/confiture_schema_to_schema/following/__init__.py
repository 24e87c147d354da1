"""What changes on one side is brought to the other: snapshot-complete batches, acknowledged when they are applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from confiture_schema_to_schema.capturing import Watch
from confiture_schema_to_schema.values import Job

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["Batch", "catch_up", "take_epoch"]


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One round. ``strict``: it took all that its snapshot saw."""

    entries: int
    keys: int
    seconds: float
    strict: bool


async def take_epoch(ctx: Context, job: Job) -> int:
    """Become the one process that applies: whoever did so before fails at its next batch. The new epoch."""
    raise NotImplementedError


async def catch_up(ctx: Context, job: Job, watch: Watch, epoch: int, *, strict: bool = True) -> Batch:
    """One batch: read in one snapshot of the source, applied in one transaction of the target, acknowledged.

    ``strict`` False: some of a large backlog; a key that collides is tried again with all of it.
    """
    raise NotImplementedError
