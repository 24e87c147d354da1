"""Renames as SQL, in an order in which no name is taken: chains from their end, swaps through a name in between.

All text names an object as it is called when the statement runs: parts before their wholes, so by the old names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from confiture.model import SchemaObject, Statement
from confiture.quoting import quote_literal
from confiture_catalog.renames.identity import bare, last, parts
from confiture_catalog.renames.world import ENUM_VALUE, Objects, enum_values

__all__ = ["statements"]

#: ``ALTER <this> old RENAME TO new``, where it is not the kind's own name.
_WORDS = {"enum": "TYPE", "composite type": "TYPE", "range type": "TYPE", "base type": "TYPE"}
_IN_SCHEMAS = frozenset(
    {
        "table",
        "foreign table",
        "view",
        "materialized view",
        "sequence",
        "enum",
        "domain",
        "composite type",
        "range type",
        "base type",
        "collation",
        "function",
        "procedure",
        "aggregate",
        "statistics",
        "text search configuration",
        "text search dictionary",
        "text search parser",
        "text search template",
        "operator class",
        "operator family",
        "conversion",
        "index",
    }
)
_ON_TABLE = ("trigger", "policy", "rule")
_RELATIONS = ("table", "foreign table", "view", "materialized view", "composite type", "sequence", "index")
_TYPES = ("table", "foreign table", "view", "materialized view", "composite type", "enum", "domain", "range type")
_ROUTINES = ("function", "procedure", "aggregate")

#: What a name takes up: the catalog and the names in it.
_Place = tuple[str, ...]


class _Item(msgspec.Struct):
    """One object on its way. ``schema`` and ``name`` are SQL text and change as it goes."""

    each: SchemaObject
    schema: str
    name: str
    goal: tuple[str, str]

    @property
    def done(self) -> bool:
        return (self.schema, self.name) == self.goal


def statements(pairs: Sequence[tuple[SchemaObject, SchemaObject]], old: Objects, new: Objects) -> list[Statement]:
    """The statements for those renames, on a database of the old schema. Each has its undo."""
    found: list[Statement] = []
    for schema in sorted({each.schema or "" for _, each in pairs if each.kind in _IN_SCHEMAS}):
        key = ("schema", _schema_text(schema, pairs))
        if schema and key not in old and not any(n.kind == "schema" and n.name == schema for _, n in pairs):
            found.append(
                Statement(sql=f"CREATE SCHEMA {key[1]}", kind="CreateSchemaStmt", undo=f"DROP SCHEMA {key[1]}")
            )
    # Parts first, as their wholes still have the names that lead to them; schemas last, for the same reason.
    ranks = (_is_part, lambda each: not _is_part(each) and each.kind != "schema", lambda each: each.kind == "schema")
    for belongs in ranks:
        chosen = [pair for pair in pairs if belongs(pair[0])]
        if chosen:
            found += _Sequencer(chosen, old).run()
    found += [each for pair in pairs if pair[0].kind == "range type" for each in _multirange(*pair)]
    return found


def _schema_text(schema: str, pairs: Iterable[tuple[SchemaObject, SchemaObject]]) -> str:
    return next(parts(each.identity)[0][0] for _, each in pairs if each.schema == schema and each.kind in _IN_SCHEMAS)


def _is_part(each: SchemaObject) -> bool:
    return each.parent is not None and each.kind not in ("index", "statistics", "sequence")


class _Sequencer:
    """Renames of one rank, one after the other."""

    def __init__(self, pairs: Sequence[tuple[SchemaObject, SchemaObject]], old: Objects) -> None:
        self._old = old
        self._items = [_item(before, after) for before, after in pairs]
        goals = {place for item in self._items for place in _places(item.each, *item.goal)}
        goals |= {place for item in self._items for place in _places(item.each, item.goal[0], item.name)}
        moving = {(item.each.kind, item.each.identity): item for item in self._items}
        #: Who has a name that somebody wants.
        self._holders: dict[_Place, _Item] = {}
        names = {end.name for pair in pairs for end in pair}
        for each in _all(old):
            if each.name not in names:
                continue
            item = moving.get((each.kind, each.identity)) or _item(each, each)
            for place in _places(each, item.schema, item.name):
                if place in goals or (each.kind, each.identity) in moving:
                    self._holders[place] = item
        self._found: list[Statement] = []
        self._count = 0

    def run(self) -> list[Statement]:
        waiting = sorted(self._items, key=lambda item: (item.each.kind, item.each.identity))
        while waiting:
            free = [item for item in waiting if not self._in_way(item, item.goal)]
            for item in free:
                if not self._in_way(item, item.goal):
                    self._go(item)
            if not free:
                item = waiting[0]
                for blocker in self._in_way(item, item.goal):
                    self._move(blocker, blocker.schema, self._spare(blocker))
            waiting = [item for item in waiting if not item.done]
        return self._found

    def _in_way(self, item: _Item, goal: tuple[str, str]) -> list[_Item]:
        found: list[_Item] = []
        for place in _places(item.each, *goal):
            holder = self._holders.get(place)
            if holder is not None and holder is not item and holder not in found:
                found.append(holder)
        return found

    def _go(self, item: _Item) -> None:
        schema, name = item.goal
        if schema != item.schema and name != item.name and self._in_way(item, (schema, item.name)):
            if self._in_way(item, (item.schema, name)):
                self._move(item, item.schema, self._spare(item))
            else:
                self._move(item, item.schema, name)
        if schema != item.schema:
            self._move(item, schema, item.name)
        if name != item.name:
            self._move(item, item.schema, name)

    def _move(self, item: _Item, schema: str, name: str) -> None:
        for place in _places(item.each, item.schema, item.name):
            if self._holders.get(place) is item:
                del self._holders[place]
        if schema != item.schema:
            self._found.append(_moved(item.each, item.schema, schema, item.name))
        else:
            self._found.append(_renamed(item.each, item.schema, item.name, name))
        item.schema, item.name = schema, name
        for place in _places(item.each, schema, name):
            self._holders[place] = item

    def _spare(self, item: _Item) -> str:
        """A name that nobody has."""
        taken = {each.name for each in self._old.values()}
        while True:
            self._count += 1
            name = f"confiture_aside_{self._count}"
            if name not in taken:
                return name


def _item(before: SchemaObject, after: SchemaObject) -> _Item:
    return _Item(before, _stem(before), _own(before), (_stem(after) if _moves(before) else _stem(before), _own(after)))


def _moves(each: SchemaObject) -> bool:
    return each.kind in _IN_SCHEMAS and each.kind != "index" and not _is_part(each)


def _stem(each: SchemaObject) -> str:
    """What leads to the name: the schema; the whole, for a part."""
    if each.parent is not None and _is_part(each):
        return each.parent.identity
    names, _ = parts(each.identity)
    return names[0] if len(names) > 1 else ""


def _own(each: SchemaObject) -> str:
    return quote_literal(each.name).strip() if each.kind == ENUM_VALUE else last(each.identity)


def _all(old: Objects) -> Iterable[SchemaObject]:
    for each in old.values():
        yield each
        if each.kind == "enum":
            yield from enum_values(each).values()


def _places(each: SchemaObject, stem: str, name: str) -> list[_Place]:
    kind = each.kind
    found: list[_Place] = []
    if kind in _RELATIONS:
        found.append(("relation", stem, name))
    if kind in _TYPES:
        found.append(("type", stem, name))
    if kind in _ROUTINES:
        found.append(("routine", stem, name, parts(each.identity)[1]))
    if kind == "constraint" and each.properties.get("index"):
        found.append(("relation", parts(stem)[0][0], name))
    if not found or kind == "constraint":
        found.append(("column" if kind == "attribute" else kind, stem, name))
    return found


def _renamed(each: SchemaObject, stem: str, before: str, after: str) -> Statement:
    kind = "AlterEnumStmt" if each.kind == ENUM_VALUE else "RenameStmt"
    return Statement(sql=_rename_sql(each, stem, before, after), kind=kind, undo=_rename_sql(each, stem, after, before))


def _rename_sql(each: SchemaObject, stem: str, before: str, after: str) -> str:
    kind = each.kind
    if kind in ("column", "constraint", "domain constraint", "attribute", ENUM_VALUE):
        assert each.parent is not None
        whole = f"ALTER {_WORDS.get(each.parent.kind, each.parent.kind.upper())} {stem} RENAME"
        if kind == "column":
            return f"{whole} COLUMN {before} TO {after}"
        if kind == "attribute":
            return f"{whole} ATTRIBUTE {before} TO {after} CASCADE"
        if kind == ENUM_VALUE:
            return f"{whole} VALUE {before} TO {after}"
        if kind == "constraint":  # foreign tables have no form of their own
            whole = f"ALTER TABLE {stem} RENAME"
        return f"{whole} CONSTRAINT {before} TO {after}"
    if kind in _ON_TABLE:
        return f"ALTER {kind.upper()} {before} ON {stem} RENAME TO {after}"
    return f"ALTER {_WORDS.get(kind, kind.upper())} {_named(each, stem, before)} RENAME TO {after}"


def _moved(each: SchemaObject, before: str, after: str, name: str) -> Statement:
    word = _WORDS.get(each.kind, each.kind.upper())
    return Statement(
        sql=f"ALTER {word} {_named(each, before, name)} SET SCHEMA {after}",
        kind="AlterObjectSchemaStmt",
        undo=f"ALTER {word} {_named(each, after, name)} SET SCHEMA {before}",
    )


def _named(each: SchemaObject, stem: str, name: str) -> str:
    """The object under that name, with what else it takes to say which one is meant."""
    _, rest = parts(each.identity)
    if each.kind == "aggregate":
        rest = f"({each.properties.get('signature') or '*'})"
    return (f"{stem}.{name}" if stem else name) + rest


def _multirange(before: SchemaObject, after: SchemaObject) -> list[Statement]:
    """A range type's multirange keeps its own name, and moves with it."""
    ours, theirs = (str(each.properties.get("multirange") or "") for each in (before, after))
    if not ours or not theirs or bare(last(ours)) == bare(last(theirs)):
        return []
    schema = parts(after.identity)[0][0]
    return [
        Statement(
            sql=f"ALTER TYPE {schema}.{last(ours)} RENAME TO {last(theirs)}",
            kind="RenameStmt",
            undo=f"ALTER TYPE {schema}.{last(theirs)} RENAME TO {last(ours)}",
        )
    ]
