"""Objects as COMMENT, DROP, GRANT and ALTER name them: by a word for their kind and a name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from confiture.sql.dependencies.facts import Facts, Name, Need
from confiture.sql.dependencies.needs import add_need, member, name_of, range_name
from confiture.sql.grammar import enum_names, string_values, unwrap, walk

__all__ = ["SPACES", "cast_name", "object_names", "object_type", "role_needs", "use"]

Node = Any

#: OBJECT_... of the grammar to the kind of name.
SPACES = {
    "TABLE": "relation", "VIEW": "relation", "MATVIEW": "relation", "SEQUENCE": "relation", "INDEX": "relation",
    "FOREIGN_TABLE": "relation", "TYPE": "type", "DOMAIN": "type", "FUNCTION": "function", "PROCEDURE": "function",
    "ROUTINE": "function", "AGGREGATE": "function", "SCHEMA": "schema", "EXTENSION": "extension",
    "COLLATION": "collation", "OPERATOR": "operator", "OPCLASS": "operator class", "OPFAMILY": "operator family",
    "ROLE": "role", "STATISTIC_EXT": "statistics", "PUBLICATION": "publication", "EVENT_TRIGGER": "event trigger",
    "FOREIGN_SERVER": "server", "FDW": "wrapper", "LANGUAGE": "language", "TSCONFIGURATION": "configuration",
    "TSDICTIONARY": "dictionary", "TSPARSER": "parser", "TSTEMPLATE": "template", "CONVERSION": "conversion",
    "ACCESS_METHOD": "access method", "SUBSCRIPTION": "subscription",
}  # fmt: skip
#: Objects that belong to a table and are named by it and their own name.
_MEMBERS = {
    "COLUMN": "column", "TABCONSTRAINT": "constraint", "TRIGGER": "trigger", "POLICY": "policy", "RULE": "rule",
    "ATTRIBUTE": "column",
}  # fmt: skip


def object_names(objtype: str, node: Node) -> list[tuple[Name, int]]:
    """The names of the object in a COMMENT, DROP, ALTER ... and its number of arguments; its table's for a member."""
    which = objtype.removeprefix("OBJECT_")
    if node is None:
        return []
    kind = type(node).__name__
    if kind == "ObjectWithArgs":
        arguments = -1 if node.args_unspecified else len(node.objargs)
        return [(name_of(SPACES.get(which, "function"), string_values(node.objname)), arguments)]
    if kind == "TypeName":
        return [(name_of("type", string_values(node.names)), -1)]
    if kind == "String":
        return [(Name(SPACES.get(which, which.lower()), "", node.sval), -1)]
    if kind == "RangeVar":
        return [(range_name(node), -1)]
    if kind == "List":
        if which == "DOMCONSTRAINT":
            return [(name_of("type", string_values(node.items[0].type_name.names)), -1)]
        parts = string_values(node.items)
        if not all(parts):  # types: of a cast, of a transform
            return [pair for item in node.items for pair in object_names("OBJECT_TYPE", unwrap(item))]
        if which in _MEMBERS and len(parts) > 1:
            table = name_of("relation", parts[:-1])
            return [(table, -1), (member(_MEMBERS[which], table, parts[-1]), -1)]
        if which in ("OPCLASS", "OPFAMILY"):
            parts = parts[1:]
        return [(name_of(SPACES.get(which, which.lower()), parts), -1)]
    return []


def cast_name(types: Iterable[Name]) -> Name:
    """The name of the cast between two types: it has none but theirs."""
    return Name("cast", "", " AS ".join(f"{each.schema}.{each.name}" for each in types))


def object_type(node: Node, field: str = "objtype") -> str:
    """The kind of object that a statement names, as the grammar calls it: ``OBJECT_TABLE``."""
    return enum_names("ObjectType")[getattr(node, field)]


def use(facts: Facts, pairs: list[tuple[Name, int]], change: bool = True) -> None:
    """Record that the statement needs those objects, and changes them."""
    for name, arguments in pairs:
        add_need(facts, name, arguments=arguments)
        if change:
            facts.changes.append(name)


def role_needs(facts: Facts, node: Node) -> None:
    """Record the needs of all roles that the statement names."""
    for item in walk(node):
        if type(item).__name__ == "RoleSpec" and item.rolename:
            facts.needs.append(Need(Name("role", "", item.rolename)))
