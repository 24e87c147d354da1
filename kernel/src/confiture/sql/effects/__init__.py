"""What a statement does to a database in use: locks, rewrites, scans, and what rows can make fail or lose.

Pure functions from parse trees; ``docs/reference/hazards.md`` explains the vocabulary.
"""

from __future__ import annotations

from confiture.sql.effects.hazards import HAZARDS
from confiture.sql.effects.plan import annotate, effects_of
from confiture.sql.effects.telling import is_momentary, worth_telling
from confiture.sql.effects.undoing import Step, lost

__all__ = ["HAZARDS", "Step", "annotate", "effects_of", "is_momentary", "lost", "worth_telling"]
