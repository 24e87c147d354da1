"""Statements as the report has them."""

from __future__ import annotations

from collections.abc import Mapping

from confiture.estimating import Size, estimates
from confiture.model import Measurement, Plan
from confiture.sql.effects import worth_telling
from confiture_incremental.preflight.model import TriedStatement

__all__ = ["statements_of"]


def statements_of(
    plan: Plan, sizes: Mapping[str, Size], measured: Mapping[int, Measurement] | None = None
) -> tuple[TriedStatement, ...]:
    """What is known of each; ``measured`` by its number in ``plan``."""
    seconds = estimates(plan.statements, sizes) or (None,) * len(plan.statements)
    found = []
    for number, (statement, estimated) in enumerate(zip(plan.statements, seconds, strict=True)):
        origin, effects = statement.origin, statement.effects
        took = (measured or {}).get(number)
        found.append(
            TriedStatement(
                sql=statement.sql,
                where=f"{origin.file}:{origin.line}" if origin else None,
                lock=effects.lock if effects else "",
                tables=effects.tables if effects else (),
                hazards=worth_telling(statement),
                estimated_s=estimated,
                seconds=took.seconds if took else None,
                locks=took.locks if took else (),
            )
        )
    return tuple(found)
