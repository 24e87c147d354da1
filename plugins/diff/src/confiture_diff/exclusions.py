"""What no diff looks at: our own tables, and what patterns name."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from confiture.config.project import MigrationsConfig
from confiture.model import ObjectKey, Schema, SchemaObject

__all__ = ["exclude"]

#: Where confiture keeps what it knows of a database, unless the project says otherwise.
_OWN_SCHEMA = "confiture"
_DEFAULT = MigrationsConfig()


def exclude(schema: Schema, patterns: Sequence[str], own: MigrationsConfig = _DEFAULT) -> Schema:
    """``schema`` without the objects whose identity matches a pattern (``*``, ``?``), and without their parts.

    The sequence of a column is a part of it.

    Without the history of migrations, too: the table that ``own`` names, and its schema where nothing else is in it.
    """
    by_key = {each.key: each for each in schema.objects}
    only_own = not any(each.schema == own.schema and _whole(each, by_key).name != own.table for each in schema.objects)
    known: dict[ObjectKey, bool] = {}

    def gone(each: SchemaObject) -> bool:
        if each.key not in known:
            known[each.key] = False  # an end for what would be its own parent
            parent = _parent(each, by_key)
            known[each.key] = (
                _is_own(each, own, only_own=only_own)
                or any(fnmatchcase(each.identity, pattern) for pattern in patterns)
                or (parent is not None and gone(parent))
            )
        return known[each.key]

    kept = [each for each in schema.objects if not gone(each)]
    if len(kept) == len(schema.objects):
        return schema
    return Schema.of(kept, schema.server_version, schema.role)


def _is_own(each: SchemaObject, own: MigrationsConfig, *, only_own: bool) -> bool:
    if each.kind == "schema":
        return each.name == _OWN_SCHEMA or (each.name == own.schema != "public" and only_own)
    if each.schema == _OWN_SCHEMA:
        return True
    # An older layout of ours had its table in public.
    return each.kind == "table" and each.name == own.table and each.schema in (own.schema, "public")


def _whole(each: SchemaObject, by_key: dict[ObjectKey, SchemaObject]) -> SchemaObject:
    """The object that it is a part of, part by part."""
    for _ in range(10):
        parent = _parent(each, by_key)
        if parent is None or parent.kind == "schema":
            return each
        each = parent
    return each


def _parent(each: SchemaObject, by_key: dict[ObjectKey, SchemaObject]) -> SchemaObject | None:
    if each.kind == "sequence" and isinstance(column := each.properties.get("owned_by"), str):
        return by_key.get(ObjectKey("column", column))
    return by_key.get(each.parent) if each.parent is not None else None
