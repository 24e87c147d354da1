"""The new database: made by Medium 1 where it is not there, without what would be in the way of the rows."""

from __future__ import annotations

from confiture_schema_to_schema.creating.databases import create_target, new_schema, target_exists
from confiture_schema_to_schema.creating.recording import records_of
from confiture_schema_to_schema.creating.sequences import carry_sequences, set_all_sequences
from confiture_schema_to_schema.creating.staging import Staging

__all__ = [
    "Staging",
    "carry_sequences",
    "create_target",
    "new_schema",
    "records_of",
    "set_all_sequences",
    "target_exists",
]
