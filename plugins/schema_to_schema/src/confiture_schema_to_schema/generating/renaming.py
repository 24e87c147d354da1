"""A schema under the names that a differ has found, without a database that it could be tried on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from confiture.masking.rules import split_name
from confiture.model import ObjectKey, Rename, Schema, SchemaObject, Value
from confiture.quoting import quote_ident

__all__ = ["renamed"]

#: Kinds that are known by their column's name.
_OF_COLUMNS = ("default",)
_ENUM_VALUE = "enum value"


def renamed(schema: Schema, renames: Sequence[Rename]) -> tuple[Schema, Mapping[ObjectKey, ObjectKey]]:
    """``schema`` with these renames done, and each object's new key by its old one.

    Texts of definitions stay as they are: they are evidence at most, and never run.
    """
    names = _Names(schema, {each.old: each.new for each in renames})
    keys = {each.key: names.key(each.key) for each in schema.objects}
    objects = {key: names.object(each, key) for each, key in zip(schema.objects, keys.values(), strict=True)}
    return Schema.of(objects.values(), schema.server_version, schema.role), keys


class _Names:
    """The renames of a round, and what follows from them."""

    def __init__(self, schema: Schema, renames: Mapping[ObjectKey, ObjectKey]) -> None:
        self._objects = {each.key: each for each in schema.objects}
        self._renames = renames
        self._known: dict[ObjectKey, ObjectKey] = {}
        self._schemas = {old.identity: new.identity for old, new in renames.items() if old.kind == "schema"}
        # An index stands in the schema, beside its table.
        wholes = [each for each in schema.objects if each.schema and (each.parent is None or each.kind == "index")]
        self._wholes = {each.identity: self.key(each.key).identity for each in wholes}
        # By the table's identity, as SQL text: properties name columns so.
        self._columns: dict[str, dict[str, str]] = {}
        for each in schema.objects:
            if each.kind == "column" and each.parent is not None and each.key in renames:
                own = self._columns.setdefault(each.parent.identity, {})
                after = renames[each.key].identity.removeprefix(f"{self.key(each.parent).identity}.")
                own[each.identity.removeprefix(f"{each.parent.identity}.")] = after

    def key(self, key: ObjectKey) -> ObjectKey:
        """What it is called afterwards."""
        if key not in self._known:
            self._known[key] = self._find(key)
        return self._known[key]

    def _find(self, key: ObjectKey) -> ObjectKey:
        if key in self._renames:
            return self._renames[key]
        each = self._objects[key]
        if each.kind in _OF_COLUMNS and ObjectKey("column", each.identity) in self._objects:
            return ObjectKey(each.kind, self.key(ObjectKey("column", each.identity)).identity)
        if each.parent is not None and each.parent in self._objects:
            before, after = each.parent.identity, self.key(each.parent).identity
            if each.identity.startswith(f"{before}."):
                return ObjectKey(each.kind, after + each.identity[len(before) :])
        for schema, after in self._schemas.items():
            if each.schema is not None and each.identity.startswith(f"{schema}."):
                return ObjectKey(each.kind, after + each.identity[len(schema) :])
        return key

    def object(self, each: SchemaObject, key: ObjectKey) -> SchemaObject:
        """It, under its new key."""
        parts = split_name(key.identity)
        parent = self.key(each.parent) if each.parent in self._objects else each.parent
        table = each.parent.identity if each.parent is not None else ""
        properties = {name: self._value(each, table, name, value) for name, value in each.properties.items()}
        return msgspec.structs.replace(
            each,
            identity=key.identity,
            name=parts[-1] if key.identity != each.identity else each.name,
            schema=parts[0] if each.schema is not None and key.identity != each.identity else each.schema,
            parent=parent,
            properties=properties,
        )

    def _value(self, each: SchemaObject, table: str, name: str, value: Value) -> Value:
        if isinstance(value, str):
            base, brackets, dimensions = value.partition("[]")
            return self._wholes.get(base, base) + brackets + dimensions
        if not isinstance(value, tuple):
            return value
        if each.kind == "enum" and name == "labels":
            return tuple(None if label is None else self._label(each, label) for label in value)
        if name == "referenced_columns":
            table = str(each.properties.get("references", ""))
        if name in ("columns", "referenced_columns"):
            own = self._columns.get(table, {})
            return tuple(None if column is None else own.get(column, column) for column in value)
        return tuple(None if item is None else self._wholes.get(item, item) for item in value)

    def _label(self, enum: SchemaObject, label: str) -> str:
        new = self._renames.get(ObjectKey(_ENUM_VALUE, f"{enum.identity}.{quote_ident(label)}"))
        return label if new is None else _last(new.identity)


def _last(identity: str) -> str:
    return split_name(identity)[-1]
