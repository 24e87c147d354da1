"""Reads which tables a database has: columns, keys, constraints, sizes."""

from __future__ import annotations

from confiture_schema_to_schema.cataloguing.reading import only_added, read_catalog

__all__ = ["only_added", "read_catalog"]
