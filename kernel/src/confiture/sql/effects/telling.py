"""Which hazards a person is told: a lock that is gone at once is a fact of the statement, and no danger by itself."""

from __future__ import annotations

from confiture.model import Effects, Hazard, Statement
from confiture.sql.effects import hazards as kinds
from confiture.sql.effects.locks import blocks_writes

__all__ = ["is_momentary", "worth_telling"]

_OF_LOCKS = frozenset({kinds.ACCESS_EXCLUSIVE_LOCK, kinds.BLOCKS_WRITES})


def is_momentary(effects: Effects) -> bool:
    """Whether it keeps others from a table, and only for as long as a change of the catalogs takes."""
    return blocks_writes(effects.lock) and not effects.rewrites and not effects.scans


def worth_telling(statement: Statement) -> tuple[Hazard, ...]:
    """The hazards for people. Those of a momentary lock are left out; policies read ``statement.hazards``."""
    if statement.effects is None or not is_momentary(statement.effects):
        return statement.hazards
    return tuple(hazard for hazard in statement.hazards if hazard.kind not in _OF_LOCKS)
