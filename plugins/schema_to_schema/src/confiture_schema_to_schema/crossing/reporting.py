"""What is said of a crossing when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confiture.sides import shown_side
from confiture_schema_to_schema.model import CutoverReport

if TYPE_CHECKING:
    from confiture_schema_to_schema.crossing.state import CrossingRecord
    from confiture_schema_to_schema.values import Sides

__all__ = ["report_of"]

_NOT_REACHED: Final = 9


def report_of(record: CrossingRecord, sides: Sides) -> CutoverReport:
    """The report of a crossing with an outcome."""
    crossed = record.outcome == "crossed"
    return CutoverReport(
        source=shown_side(sides.source),
        target=shown_side(sides.target),
        run_id=record.run_id,
        live="new" if crossed == (record.direction == "cutover") else "old",
        steps=record.steps,
        paused_seconds=record.paused_s,
        attempts=record.attempts,
        switch=record.switch,
        reversible=record.back_name is not None,
        not_reversible=record.not_reversible,
        exit_code=0 if crossed else _NOT_REACHED,
    )
