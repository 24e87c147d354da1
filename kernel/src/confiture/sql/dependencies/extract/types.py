"""Types, domains, casts, operators and what else CREATE ... AS defines by options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confiture.sql.dependencies.extract.objects import SPACES, cast_name, object_names, object_type, use
from confiture.sql.dependencies.facts import Facts
from confiture.sql.dependencies.needs import add_need, name_of, range_name, type_need
from confiture.sql.dependencies.trees import tree_needs
from confiture.sql.grammar import children, string_values

__all__ = ["HANDLERS"]

Node = Any


def _type(field: str) -> Callable[[Facts, Node], None]:
    def handler(facts: Facts, node: Node) -> None:
        facts.defines.append(name_of("type", string_values(getattr(node, field))))
        for child in children(node):
            if type(child).__name__ != "String":
                tree_needs(facts, child)
        facts.calls = False

    return handler


def _composite(facts: Facts, node: Node) -> None:
    facts.defines.append(range_name(node.typevar))
    for item in node.coldeflist:
        tree_needs(facts, item.column_def)


def _alter_enum(facts: Facts, node: Node) -> None:
    name = name_of("type", string_values(node.type_name))
    add_need(facts, name)
    facts.changes.append(name)


def _alter_domain(facts: Facts, node: Node) -> None:
    _alter_enum(facts, node)
    tree_needs(facts, node)
    facts.calls = False


def _define(facts: Facts, node: Node) -> None:
    """CREATE AGGREGATE, OPERATOR, COLLATION, TYPE and TEXT SEARCH objects."""
    objtype = object_type(node, "kind")
    space = SPACES.get(objtype.removeprefix("OBJECT_"), "object")
    facts.defines.append(name_of(space, string_values(node.defnames)))
    if space in ("collation", "configuration", "dictionary", "parser", "template"):
        for item in node.definition:  # their options look like types to the grammar
            if item.def_elem.defname in ("from", "template", "copy", "parser"):
                value = item.def_elem.arg
                parts = string_values(value.type_name.names) if value.HasField("type_name") else ()
                if parts:
                    wanted = space if item.def_elem.defname in ("from", "copy") else item.def_elem.defname
                    add_need(facts, name_of(wanted, parts))
        return
    tree_needs(facts, node)
    facts.calls = False


def _cast(facts: Facts, node: Node) -> None:
    ends = (node.sourcetype, node.targettype)
    facts.defines.append(cast_name(name_of("type", string_values(each.names)) for each in ends))
    tree_needs(facts, node)
    if node.HasField("func"):
        use(facts, object_names("OBJECT_FUNCTION", node.func), change=False)


def _operator_class(facts: Facts, node: Node) -> None:
    facts.defines.append(name_of("operator class", string_values(node.opclassname)))
    facts.defines.append(name_of("operator family", string_values(node.opclassname)))
    tree_needs(facts, node.datatype)

    type_need(facts, node.datatype)
    for item in node.items:
        element = item.create_op_class_item
        if element.HasField("name"):
            objtype = "OBJECT_OPERATOR" if element.itemtype == 1 else "OBJECT_FUNCTION"
            use(facts, object_names(objtype, element.name), change=False)


HANDLERS: dict[str, Callable[[Facts, Node], None]] = {
    "AlterDomainStmt": _alter_domain,
    "AlterEnumStmt": _alter_enum,
    "CompositeTypeStmt": _composite,
    "CreateCastStmt": _cast,
    "CreateDomainStmt": _type("domainname"),
    "CreateEnumStmt": _type("type_name"),
    "CreateOpClassStmt": _operator_class,
    "CreateRangeStmt": _type("type_name"),
    "DefineStmt": _define,
}
