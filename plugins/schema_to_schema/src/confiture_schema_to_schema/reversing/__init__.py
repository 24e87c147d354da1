"""The way back: parts from the new database to the old one, where the map can be inverted."""

from __future__ import annotations

from confiture_schema_to_schema.reversing.job import (
    Reversed,
    lost_tables,
    only_tables,
    reverse_job,
    reverse_tables,
    unfilled_tables,
)
from confiture_schema_to_schema.reversing.planned import with_the_way_back

__all__ = [
    "Reversed",
    "lost_tables",
    "only_tables",
    "reverse_job",
    "reverse_tables",
    "unfilled_tables",
    "with_the_way_back",
]
