"""What no diff looks at: our own tables, and what patterns name."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from confiture.model import ObjectKey, Schema, SchemaObject

__all__ = ["exclude"]

#: Where confiture keeps what it knows of a database.
_OWN_SCHEMA = "confiture"
_OWN_TABLE = "confiture_migrations"


def exclude(schema: Schema, patterns: Sequence[str]) -> Schema:
    """``schema`` without the objects whose identity matches a pattern (``*``, ``?``), and without their parts."""
    by_key = {each.key: each for each in schema.objects}
    known: dict[ObjectKey, bool] = {}

    def gone(each: SchemaObject) -> bool:
        if each.key not in known:
            known[each.key] = False  # an end for what would be its own parent
            parent = by_key.get(each.parent) if each.parent is not None else None
            known[each.key] = _matches(each, patterns) or (parent is not None and gone(parent))
        return known[each.key]

    kept = [each for each in schema.objects if not gone(each)]
    if len(kept) == len(schema.objects):
        return schema
    return Schema.of(kept, schema.server_version, schema.role)


def _matches(each: SchemaObject, patterns: Sequence[str]) -> bool:
    if each.schema == _OWN_SCHEMA or (each.kind == "schema" and each.identity == _OWN_SCHEMA):
        return True
    if each.kind == "table" and each.name == _OWN_TABLE:
        return True
    return any(fnmatchcase(each.identity, pattern) for pattern in patterns)
