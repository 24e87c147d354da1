"""The facts of a statement: what each kind of statement defines, changes and drops, besides what it refers to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confiture.sql.dependencies.bodies import body_needs
from confiture.sql.dependencies.extract import names, privileges, rare, relations, routines, tables, types
from confiture.sql.dependencies.extract.objects import role_needs
from confiture.sql.dependencies.facts import Facts, Name, Need
from confiture.sql.dependencies.trees import tree_needs

__all__ = ["LIGHT_KINDS", "facts_of"]

Node = Any

#: These leave what uses the object alone; among themselves they keep their order (GRANT and REVOKE).
LIGHT_KINDS = frozenset(
    {"AlterOwnerStmt", "CommentStmt", "CreatePolicyStmt", "CreateStatsStmt", "GrantStmt", "IndexStmt", "SecLabelStmt"}
)
_PLAIN = frozenset({"CommentStmt", "SecLabelStmt", "VacuumStmt", "ReindexStmt", "LockStmt", "TruncateStmt"})
_IN_SCHEMA = frozenset({"relation", "type", "function", "collation", "operator", "statistics", "configuration"})


def facts_of(kind: str, node: Node, path: tuple[str, ...] = ("public",), check_bodies: bool = True) -> Facts:
    """The facts of a parsed statement under that search path. ``kind`` is the node's name."""
    facts = Facts(path=path)
    handler = _HANDLERS.get(kind)
    if handler is not None:
        handler(facts, node)
    else:
        tree_needs(facts, node)
        facts.barrier = kind not in _PLAIN
    if kind in ("CreateFunctionStmt", "DoStmt"):
        body_needs(facts, node, check_bodies)
    for name in facts.defines:  # what is created needs its schema
        schema = name.schema or (path[0] if path and name.space in _IN_SCHEMA else "")
        if schema and schema != "pg_temp":
            facts.needs.append(Need(Name("schema", "", schema)))
    return facts


def _create_schema(facts: Facts, node: Node) -> None:
    name = node.schemaname or node.authrole.rolename
    facts.defines.append(Name("schema", "", name))
    facts.early = not node.schema_elts
    for item in node.schema_elts:
        field = item.WhichOneof("node")
        element = getattr(item, field)
        inner = facts_of(type(element).__name__, element, (name, *facts.path))
        for known in inner.defines:
            facts.defines.append(known if known.schema else Name(known.space, name, known.name))
        made = {defined.name for defined in inner.defines}
        facts.needs += [need for need in inner.needs if need.name.schema != name and need.name.name not in made]
    role_needs(facts, node)


_HANDLERS: dict[str, Callable[[Facts, Node], None]] = {
    "CreateSchemaStmt": _create_schema,
    **names.HANDLERS,
    **privileges.HANDLERS,
    **rare.HANDLERS,
    **relations.HANDLERS,
    **routines.HANDLERS,
    **tables.HANDLERS,
    **types.HANDLERS,
}
