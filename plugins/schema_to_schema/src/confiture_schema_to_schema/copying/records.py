"""What is kept of a run on the target, as values."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from confiture_schema_to_schema.values import PartPlan

__all__ = ["ChunkRecord", "PartRecord", "RunRecord", "part_digest"]


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A run. ``source`` is :func:`confiture.transfer.read_identity`'s; ``tables`` and ``mapping`` are what was asked for.

    ``fingerprints``: of the source's tables that are read, by label. ``attempt`` counts those who went on with it;
    ``application`` is the ``application_name`` of the last one's sessions. ``under_way``: by part, rows, bytes and
    seconds of what is being copied. ``beat_s``: how long ago the last sign of life was; None: there was none.
    """  # noqa: E501

    run_id: str
    source: str
    strategy: str
    tables: tuple[str, ...] = ()
    mapping: str | None = None
    fingerprints: Mapping[str, str] = {}
    phase: str = "preparing"
    paused: bool = False
    waiting_for: str | None = None
    attempt: int = 1
    application: str = ""
    under_way: Mapping[str, tuple[int, int, float]] = {}
    last_error: str | None = None
    started: dt.datetime | None = None
    finished: dt.datetime | None = None
    beat_s: float | None = None


class PartRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A part. ``target`` and ``source`` are labels, ``relid`` the target table's OID, ``digest`` :func:`part_digest`'s.

    ``keyed``: it is cut by its key, each chunk with a snapshot of its own. ``planned``: its chunks are recorded.
    ``indexed``: what was taken off the target's table is back.
    """

    part: int
    target: str
    source: str
    relid: int
    digest: str
    engine: str
    keyed: bool
    estimated_rows: int = 0
    bytes: int = 0
    planned: bool = False
    indexed: bool = False


class ChunkRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk, copied where ``xid`` (of the target's transaction) is not None.

    ``relation`` is SQL text that stands for the driving table, None for the table as its query has it. ``settings`` are
    the bounds: values of keys, which are in no statement's text.
    """

    part: int
    number: int
    relation: str | None = None
    condition: str = "true"
    settings: Mapping[str, str] = {}
    estimated_rows: int = 0
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0
    xid: int | None = None

    @property
    def done(self) -> bool:
        """Whether its rows are on the target."""
        return self.xid is not None


def part_digest(plan: PartPlan) -> str:
    """What the rows of a part depend on, beside those of the source: 32 hexadecimal digits."""
    part = plan.part
    text = json.dumps([part.query, part.columns, plan.target.sql, part.key, part.binary])
    return hashlib.sha256(text.encode()).hexdigest()[:32]
