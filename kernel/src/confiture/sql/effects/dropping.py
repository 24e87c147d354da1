"""DROP and TRUNCATE: what goes, and what is locked with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confiture.sql.effects import hazards as kinds
from confiture.sql.effects.found import Found
from confiture.sql.effects.known import Relation, dependents, referring
from confiture.sql.effects.locks import ACCESS_EXCLUSIVE, SHARE_UPDATE
from confiture.sql.grammar import enum_names, string_values, unwrap

__all__ = ["drop", "truncate"]


def drop(found: Found, node: Any) -> None:
    """DROP of any kind of object that ``DropStmt`` covers."""
    kind = enum_names("ObjectType")[node.remove_type]
    cascade = enum_names("DropBehavior")[node.behavior] == "DROP_CASCADE"
    for item in node.objects:
        parts = _parts(unwrap(item))
        if parts:
            _RULES.get(kind, _other(kind))(found, parts, cascade, node)


def _parts(node: Any) -> tuple[str, ...]:
    """The names that a DROP's object is written with."""
    name = type(node).__name__
    if name == "List":
        return tuple(item.string.sval for item in node.items if item.WhichOneof("node") == "string")
    if name == "TypeName":
        return string_values(node.names)
    if name == "ObjectWithArgs":
        return string_values(node.objname)
    return (node.sval,) if name == "String" else ()


def _relation(found: Found, parts: tuple[str, ...]) -> Relation:
    return found.known.relation(parts[-2] if len(parts) > 1 else "", parts[-1])


def _absent(found: Found, relation: Relation, parts: tuple[str, ...]) -> bool:
    """DROP of what is not there: nothing happens. A name without a schema may be any of those that have it."""
    known = found.known
    return (
        known.complete
        and not relation.kind
        and not relation.created
        and not (len(parts) == 1 and known.is_name(relation.name))
    )


def _table(found: Found, parts: tuple[str, ...], cascade: bool, node: Any) -> None:
    table = _relation(found, parts)
    if _absent(found, table, parts):
        return
    drop_table(found, table, cascade)
    if table.kind != "foreign table":
        found.lose(table, f'the table "{table.identity}" goes, with its rows')


def drop_table(found: Found, table: Relation, cascade: bool) -> None:
    """The locks of DROP TABLE, and that it is missed."""
    found.lock(table, ACCESS_EXCLUSIVE, below=True)
    for one in (table, *found.known.below(table)):
        for constraint in one.constraints.values():
            if constraint.held:
                found.lock(found.known.at(constraint.held), ACCESS_EXCLUSIVE, below=True)
        for sequence in found.known.owned(one):
            found.lock(sequence, ACCESS_EXCLUSIVE)
    if table.partition_bound:
        for key in table.parents:
            parent = found.known.relation(*key)
            found.lock(parent, ACCESS_EXCLUSIVE)
            for other in found.known.below(parent):
                if other.partition_bound == "DEFAULT" and key in other.parents:
                    found.lock(other, ACCESS_EXCLUSIVE)
    if cascade:
        for other in (*dependents(found.known, table), *referring(found.known, table)):
            found.lock(other, ACCESS_EXCLUSIVE)
    found.breaks(table, f'the {table.kind or "table"} "{table.identity}" goes')


def _view(found: Found, parts: tuple[str, ...], cascade: bool, node: Any) -> None:
    view = _relation(found, parts)
    if _absent(found, view, parts):
        return
    found.lock(view, ACCESS_EXCLUSIVE)
    if cascade:
        for other in dependents(found.known, view):
            found.lock(other, ACCESS_EXCLUSIVE)
    found.breaks(view, f'the {view.kind or "view"} "{view.identity}" goes')


def _sequence(found: Found, parts: tuple[str, ...], cascade: bool, node: Any) -> None:
    sequence = _relation(found, parts)
    if _absent(found, sequence, parts):
        return
    found.lock(sequence, ACCESS_EXCLUSIVE)
    if cascade:  # the defaults that use it go
        for other in found.known.relations.values():
            if any(sequence.identity in column.uses for column in other.columns.values()):
                found.lock(other, ACCESS_EXCLUSIVE)
    found.lose(sequence, f'the sequence "{sequence.identity}" goes, with its position')
    found.breaks(sequence, f'the sequence "{sequence.identity}" goes')


def _index(found: Found, parts: tuple[str, ...], cascade: bool, node: Any) -> None:
    index = _relation(found, parts)
    if _absent(found, index, parts):
        return
    mode = SHARE_UPDATE if node.concurrent else ACCESS_EXCLUSIVE
    if index.table is None:
        found.lock(index, mode)
    else:
        found.lock(found.known.relation(*index.table), mode, below=True)
    if not index.created and not found.known.replaced(index):
        found.hazard(kinds.INDEX_DROPPED, f'the index "{index.identity}" goes')


def _of_table(found: Found, parts: tuple[str, ...], cascade: bool, node: Any) -> None:
    """A trigger, a rule, a policy: its table's name comes first."""
    table = _relation(found, parts[:-1]) if len(parts) > 1 else None
    if table is None:
        return
    kind = enum_names("ObjectType")[node.remove_type].removeprefix("OBJECT_").lower()
    found.lock(table, ACCESS_EXCLUSIVE, below=kind == "trigger")
    if kind == "policy":
        found.hazard(kinds.CHANGES_ACCESS, f'the policy "{parts[-1]}" of "{table.identity}" goes')


def _schema(found: Found, parts: tuple[str, ...], cascade: bool, node: Any) -> None:
    inside = [one for one in found.known.relations.values() if one.schema == parts[-1]]
    if cascade:
        for one in inside:
            if one.kind in ("table", "foreign table"):
                drop_table(found, one, cascade)
            elif one.kind != "index":
                found.lock(one, ACCESS_EXCLUSIVE)
        unknown = not found.known.complete and parts[-1] not in found.known.made_schemas
        if unknown or any(one.kind in ("table", "sequence") and not one.created for one in inside):
            found.lose(None, f'the schema "{parts[-1]}" goes, with all that is in it')
    if not found.known.complete or any(not one.created for one in inside):
        found.breaks(None, f'the schema "{parts[-1]}" goes')


def _type(found: Found, parts: tuple[str, ...], cascade: bool, node: Any) -> None:
    schema = parts[-2] if len(parts) > 1 else ""
    if cascade:
        for table, column in found.known.users_of_type(schema, parts[-1]):
            found.lock(table, ACCESS_EXCLUSIVE)
            if not column.created:
                found.lose(
                    table, f'the column "{column.name}" of "{table.identity}" goes with its type, and its values'
                )
        if not found.known.complete and not found.known.made(schema, parts[-1]):
            found.lose(None, f'the columns of the type "{parts[-1]}" go, with their values')
    if not found.known.made(schema, parts[-1]) and not found.known.renamed(schema, parts[-1]):
        found.breaks(None, f'the type "{parts[-1]}" goes')


def _statistics(found: Found, parts: tuple[str, ...], cascade: bool, node: Any) -> None:
    statistics = _relation(found, parts)
    if statistics.table is not None:
        found.lock(found.known.relation(*statistics.table), SHARE_UPDATE)


_ROUTINES = frozenset({"OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE"})
_CALLED = _ROUTINES | {"OBJECT_AGGREGATE", "OBJECT_EXTENSION"}


def _other(kind: str) -> Callable[[Found, tuple[str, ...], bool, Any], None]:
    word = kind.removeprefix("OBJECT_").lower().replace("_", " ")

    def rule(found: Found, parts: tuple[str, ...], cascade: bool, node: Any) -> None:
        if cascade and kind in ("OBJECT_EXTENSION", "OBJECT_COLLATION", "OBJECT_ACCESS_METHOD", "OBJECT_LANGUAGE"):
            found.lose(None, f'whatever uses the {word} "{parts[-1]}" goes, columns with their values')
        if cascade:
            found.hazard(kinds.UNKNOWN_EFFECTS, f'what goes with the {word} "{parts[-1]}" is not known')
        if kind in _CALLED and not (kind in _ROUTINES and parts[-1] in found.known.made_functions):
            found.breaks(None, f'the {word} "{parts[-1]}" goes')

    return rule


def truncate(found: Found, node: Any) -> None:
    """TRUNCATE; with CASCADE also of all tables that refer to these."""
    cascade = enum_names("DropBehavior")[node.behavior] == "DROP_CASCADE"
    todo = [(found.known.named(item.range_var), item.range_var.inh) for item in node.relations]
    done: set[tuple[str, str]] = set()
    while todo:
        table, below = todo.pop()
        if table.key in done:
            continue
        done.add(table.key)
        found.lock(table, ACCESS_EXCLUSIVE, below=below)
        found.lose(table, f'the rows of "{table.identity}" go')
        if cascade:
            todo += [(other, True) for other in referring(found.known, table)]


_RULES: dict[str, Callable[[Found, tuple[str, ...], bool, Any], None]] = {
    "OBJECT_TABLE": _table,
    "OBJECT_FOREIGN_TABLE": _table,
    "OBJECT_VIEW": _view,
    "OBJECT_MATVIEW": _view,
    "OBJECT_SEQUENCE": _sequence,
    "OBJECT_INDEX": _index,
    "OBJECT_TRIGGER": _of_table,
    "OBJECT_RULE": _of_table,
    "OBJECT_POLICY": _of_table,
    "OBJECT_SCHEMA": _schema,
    "OBJECT_STATISTIC_EXT": _statistics,
    "OBJECT_TYPE": _type,
    "OBJECT_DOMAIN": _type,
}
