"""The map and both catalogs into one SELECT per way into a table of the new database."""

from __future__ import annotations

from confiture_schema_to_schema.compiling.conditions import with_condition
from confiture_schema_to_schema.compiling.running import compile_map

__all__ = ["compile_map", "with_condition"]
