"""Views, tables made of a query, sequences, and the rows of tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confiture.sql.dependencies.facts import Facts, Name, Need, Strength
from confiture.sql.dependencies.needs import add_need, member, name_of, range_name
from confiture.sql.dependencies.trees import tree_needs
from confiture.sql.grammar import string_values, unwrap

__all__ = ["HANDLERS"]

Node = Any


def _create_view(facts: Facts, node: Node) -> None:
    name = range_name(node.view)
    facts.defines.append(name)
    inner = Facts()
    tree_needs(inner, unwrap(node.query))
    facts.needs += [need for need in inner.needs if need.name != name]
    facts.columns |= inner.columns


def _create_as(facts: Facts, node: Node) -> None:
    facts.defines.append(range_name(node.into.rel))
    tree_needs(facts, node.query)
    facts.calls = True


def _refresh(facts: Facts, node: Node) -> None:
    tree_needs(facts, node)
    facts.changes.append(range_name(node.relation))
    facts.calls = True


def _create_sequence(facts: Facts, node: Node) -> None:
    facts.defines.append(range_name(node.sequence))
    _owned_by(facts, node)
    tree_needs(facts, node)
    own = facts.defines[0]
    facts.needs = [need for need in facts.needs if need.name != own]


def _owned_by(facts: Facts, node: Node) -> None:
    for option in node.options:
        if option.def_elem.defname == "owned_by":
            parts = string_values(option.def_elem.arg.list.items)
            if len(parts) > 1:
                table = name_of("relation", parts[:-1])
                add_need(facts, table)
                facts.columns.add(parts[-1])
                # Once it is linked, its owner cannot be changed alone, and both must have the same.
                for owned in (range_name(node.sequence), table):
                    facts.needs.append(Need(owned.in_space("owner"), Strength.LIKELY))


def _alter_sequence(facts: Facts, node: Node) -> None:
    facts.changes.append(range_name(node.sequence))
    add_need(facts, range_name(node.sequence))
    _owned_by(facts, node)


def _data(facts: Facts, node: Node) -> None:
    """INSERT, UPDATE, DELETE, MERGE, COPY: rows of one table, which triggers and foreign keys look at."""
    tree_needs(facts, node)
    table = range_name(node.relation)
    if hasattr(node, "attlist"):
        facts.columns.update(string_values(node.attlist))
    facts.changes.append(table)
    facts.defines.append(Name("rows", table.schema, table.name))
    facts.calls = True


def _create_rule(facts: Facts, node: Node) -> None:
    table = range_name(node.relation)
    facts.defines.append(member("rule", table, node.rulename))
    facts.changes.append(table)
    tree_needs(facts, node)
    facts.calls = False


HANDLERS: dict[str, Callable[[Facts, Node], None]] = {
    "AlterSeqStmt": _alter_sequence,
    "CopyStmt": _data,
    "CreateSeqStmt": _create_sequence,
    "CreateTableAsStmt": _create_as,
    "DeleteStmt": _data,
    "InsertStmt": _data,
    "MergeStmt": _data,
    "RefreshMatViewStmt": _refresh,
    "RuleStmt": _create_rule,
    "UpdateStmt": _data,
    "ViewStmt": _create_view,
}
