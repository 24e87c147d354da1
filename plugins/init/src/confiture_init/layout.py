"""Which file a statement stands in: one object a file, in folders whose names sort in the order of most needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from confiture.model import ObjectKey, Schema, SchemaObject, Statement
from confiture_init.naming import FileNames
from confiture_init.subjects import Subject, subject_of

__all__ = ["lay_out", "whole_objects"]

#: Kinds that have a file for each object. What is not here shares the file of its kind.
_FOLDERS = {
    "enum": "00_common/30_types",
    "domain": "00_common/30_types",
    "composite type": "00_common/30_types",
    "range type": "00_common/30_types",
    "base type": "00_common/30_types",
    "shell type": "00_common/30_types",
    "sequence": "00_common/40_sequences",
    "table": "10_tables",
    "foreign table": "10_tables",
    "view": "20_views",
    "materialized view": "20_views",
    "function": "30_functions",
    "procedure": "30_functions",
    "aggregate": "30_functions",
}
#: The shared files, by the space of a name.
_SHARED = {
    "schema": "00_common/00_schemas",
    "extension": "00_common/10_extensions",
    "collation": "00_common/20_collations",
    "access method": "00_common/50_access_methods",
    "cast": "00_common/50_casts",
    "conversion": "00_common/50_conversions",
    "wrapper": "00_common/50_foreign_servers",
    "server": "00_common/50_foreign_servers",
    "user mapping": "00_common/50_foreign_servers",
    "language": "00_common/50_languages",
    "operator": "00_common/50_operators",
    "operator class": "00_common/50_operators",
    "operator family": "00_common/50_operators",
    "configuration": "00_common/50_text_search",
    "dictionary": "00_common/50_text_search",
    "parser": "00_common/50_text_search",
    "template": "00_common/50_text_search",
    "transform": "00_common/50_transforms",
    "publication": "40_publications",
    # Both act on what is made after them: last.
    "default privileges": "80_privileges",
    "event trigger": "90_event_triggers",
}
#: What is about no object of the schema: privileges on what PostgreSQL or an extension made.
_OTHERS = "80_privileges"
_RELATIONS = ("table", "foreign table", "view", "materialized view", "sequence", "index", "composite type")
_TYPES = ("enum", "domain", "composite type", "range type", "base type", "shell type", *_RELATIONS[:4])
_SPACES: Mapping[str, Sequence[str]] = {
    "relation": _RELATIONS,
    "type": _TYPES,
    "function": ("function", "procedure", "aggregate"),
    "statistics": ("statistics",),
}


def lay_out(statements: Iterable[Statement], schema: Schema) -> dict[str, str]:
    """The files that hold ``statements``, which make ``schema``: path below the schema's folder to text, sorted.

    Within a file the statements keep their order. Objects lie in a folder of their schema where there are several.
    """
    homes = _Homes(schema)
    texts: dict[str, list[str]] = {}
    for statement in statements:
        texts.setdefault(homes.path(subject_of(statement)), []).append(f"{statement.sql.strip()};\n")
    return {f"{path}.sql": "\n".join(texts[path]) for path in sorted(texts)}


def whole_objects(schema: Schema) -> int:
    """How many objects there are that are no part of another one; ``public`` is in every database."""
    homes = _Homes(schema)
    wholes = [each for each in schema.objects if each.parent is None and homes.whole(each) is each]
    return sum((each.kind, each.name) != ("schema", "public") for each in wholes)


class _Homes:
    """Finds the file of an object."""

    def __init__(self, schema: Schema) -> None:
        self._objects = {each.key: each for each in schema.objects}
        self._by_name: dict[tuple[str, str | None, str], SchemaObject] = {}
        for space, kinds in _SPACES.items():
            for kind in reversed(kinds):
                for each in schema.objects:
                    if each.kind == kind:
                        self._by_name[space, each.schema, each.name] = each
        holders = {each.schema for each in schema.objects if each.kind in _FOLDERS}
        self._several = len(holders) > 1
        self._names = FileNames()

    def path(self, subject: Subject) -> str:
        """The path without its ending."""
        found = self._by_name.get((subject.space, subject.schema, subject.name))
        if found is None:
            return _SHARED.get(subject.space, _OTHERS)
        whole = self.whole(found)
        folder = _FOLDERS.get(whole.kind)
        if folder is None or whole.schema is None:
            return _SHARED.get(subject.space, _OTHERS)
        if self._several:
            folder = f"{folder}/{self._names.give(folder, whole.schema, 'schema')}"
        return f"{folder}/{self._names.give(folder, whole.name)}"

    def whole(self, found: SchemaObject) -> SchemaObject:
        """What it is a part of: the table of an index, of a column's sequence, of extended statistics."""
        for _ in range(3):
            owner = self._owner(found)
            if owner is None:
                return found
            found = owner
        return found

    def _owner(self, found: SchemaObject) -> SchemaObject | None:
        if found.kind == "sequence" and isinstance(column := found.properties.get("owned_by"), str):
            whole = self._objects.get(ObjectKey("column", column))
            return None if whole is None or whole.parent is None else self._objects.get(whole.parent)
        if found.kind in ("index", "statistics"):
            if found.parent is not None:
                return self._objects.get(found.parent)
            table = str(found.properties.get("table"))
            for kind in ("table", "materialized view", "foreign table"):
                if (whole := self._objects.get(ObjectKey(kind, table))) is not None:
                    return whole
        return None
