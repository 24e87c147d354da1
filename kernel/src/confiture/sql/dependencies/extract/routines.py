"""Functions, procedures and triggers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confiture.sql.dependencies.extract.objects import object_names, use
from confiture.sql.dependencies.facts import Facts, Name, Need
from confiture.sql.dependencies.needs import add_need, member, name_of, range_name
from confiture.sql.dependencies.trees import tree_needs
from confiture.sql.grammar import string_values

__all__ = ["HANDLERS"]

Node = Any


def _create_function(facts: Facts, node: Node) -> None:
    from postgast.pg_query_pb2 import FunctionParameterMode as Mode

    name = name_of("function", string_values(node.funcname))
    facts.defines.append(name)
    least = most = 0
    for item in node.parameters:
        parameter = item.function_parameter
        if parameter.mode in (Mode.FUNC_PARAM_OUT, Mode.FUNC_PARAM_TABLE):
            continue
        most = 1000 if parameter.mode == Mode.FUNC_PARAM_VARIADIC else most + 1
        if not parameter.HasField("defexpr") and parameter.mode != Mode.FUNC_PARAM_VARIADIC:
            least += 1
    facts.overloads = (least, most)
    for option in node.options:
        if option.def_elem.defname == "language":
            facts.needs.append(Need(Name("language", "", option.def_elem.arg.string.sval)))
    tree_needs(facts, node)
    facts.calls = False


def _function_change(facts: Facts, node: Node) -> None:
    use(facts, object_names("OBJECT_FUNCTION", node.func))


def _create_trigger(facts: Facts, node: Node) -> None:
    table = range_name(node.relation)
    facts.defines.append(member("trigger", table, node.trigname))
    facts.changes.append(table)
    add_need(facts, name_of("function", string_values(node.funcname)))
    tree_needs(facts, node)
    facts.columns.update(string_values(node.columns))
    facts.calls = False


def _create_event_trigger(facts: Facts, node: Node) -> None:
    facts.defines.append(Name("event trigger", "", node.trigname))
    add_need(facts, name_of("function", string_values(node.funcname)))
    facts.barrier = True  # from here on it watches every statement


HANDLERS: dict[str, Callable[[Facts, Node], None]] = {
    "AlterFunctionStmt": _function_change,
    "CreateEventTrigStmt": _create_event_trigger,
    "CreateFunctionStmt": _create_function,
    "CreateTrigStmt": _create_trigger,
}
