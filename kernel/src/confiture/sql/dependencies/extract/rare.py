"""What few schemas have: languages, access methods, transforms, conversions, operator families, text search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confiture.sql.dependencies.extract.objects import object_names, use
from confiture.sql.dependencies.facts import Facts, Name, Need
from confiture.sql.dependencies.needs import add_need, name_of, type_need
from confiture.sql.dependencies.trees import tree_needs
from confiture.sql.grammar import string_values

__all__ = ["HANDLERS"]

Node = Any


def _create_language(facts: Facts, node: Node) -> None:
    facts.defines.append(Name("language", "", node.plname))
    for function in (node.plhandler, node.plinline, node.plvalidator):
        _need(facts, "function", function)


def _create_access_method(facts: Facts, node: Node) -> None:
    facts.defines.append(Name("access method", "", node.amname))
    _need(facts, "function", node.handler_name)


def _create_transform(facts: Facts, node: Node) -> None:
    facts.needs.append(Need(Name("language", "", node.lang)))
    type_need(facts, node.type_name)
    for field in ("fromsql", "tosql"):
        if node.HasField(field):
            use(facts, object_names("OBJECT_FUNCTION", getattr(node, field)), change=False)


def _create_conversion(facts: Facts, node: Node) -> None:
    facts.defines.append(name_of("conversion", string_values(node.conversion_name)))
    _need(facts, "function", node.func_name)


def _create_family(facts: Facts, node: Node) -> None:
    facts.defines.append(name_of("operator family", string_values(node.opfamilyname)))
    facts.needs.append(Need(Name("access method", "", node.amname)))


def _alter_family(facts: Facts, node: Node) -> None:
    tree_needs(facts, node)
    _change(facts, "operator family", node.opfamilyname)
    for item in node.items:
        element = item.create_op_class_item
        if element.HasField("name"):
            objtype = "OBJECT_OPERATOR" if element.itemtype == 1 else "OBJECT_FUNCTION"
            use(facts, object_names(objtype, element.name), change=False)
    facts.calls = False


def _alter_configuration(facts: Facts, node: Node) -> None:
    _change(facts, "configuration", node.cfgname)
    for item in node.dicts:
        _need(facts, "dictionary", item.list.items)


def _alter_event_trigger(facts: Facts, node: Node) -> None:
    name = Name("event trigger", "", node.trigname)
    add_need(facts, name)
    facts.changes.append(name)
    facts.barrier = True  # what it does from here on, it does to every statement


def _alter(space: str, field: str) -> Callable[[Facts, Node], None]:
    def handler(facts: Facts, node: Node) -> None:
        _change(facts, space, getattr(node, field))
        tree_needs(facts, node)

    return handler


def _need(facts: Facts, space: str, parts: Any) -> None:
    if parts:
        add_need(facts, name_of(space, string_values(parts)))


def _change(facts: Facts, space: str, parts: Any) -> None:
    name = name_of(space, string_values(parts))
    add_need(facts, name)
    facts.changes.append(name)


HANDLERS: dict[str, Callable[[Facts, Node], None]] = {
    "AlterEventTrigStmt": _alter_event_trigger,
    "AlterOpFamilyStmt": _alter_family,
    "AlterStatsStmt": _alter("statistics", "defnames"),
    "AlterTSConfigurationStmt": _alter_configuration,
    "AlterTSDictionaryStmt": _alter("dictionary", "dictname"),
    "CreateAmStmt": _create_access_method,
    "CreateConversionStmt": _create_conversion,
    "CreateOpFamilyStmt": _create_family,
    "CreatePLangStmt": _create_language,
    "CreateTransformStmt": _create_transform,
}
