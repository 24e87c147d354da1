"""Roles, what they own and may do, row security."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confiture.sql.dependencies.extract.objects import object_names, object_type, role_needs, use
from confiture.sql.dependencies.facts import Facts, Name, Need
from confiture.sql.dependencies.needs import member, range_name
from confiture.sql.dependencies.trees import tree_needs
from confiture.sql.grammar import unwrap

__all__ = ["HANDLERS"]

Node = Any


_ALL_IN_SCHEMA = 2  # enum GrantTargetType: ACL_TARGET_ALL_IN_SCHEMA


def _create_role(facts: Facts, node: Node) -> None:
    facts.defines.append(Name("role", "", node.role))
    facts.early = True
    role_needs(facts, node)


def _role_change(facts: Facts, node: Node) -> None:
    role_needs(facts, node)
    if hasattr(node, "granted_roles"):
        for item in node.granted_roles:
            facts.needs.append(Need(Name("role", "", item.access_priv.priv_name)))
    for need in facts.needs:
        facts.changes.append(need.name)
    facts.early = True


def _default_privileges(facts: Facts, node: Node) -> None:
    facts.barrier = True  # it holds for what is created after it
    role_needs(facts, node)
    for option in node.options:
        if option.def_elem.defname == "schemas":
            for item in option.def_elem.arg.list.items:
                facts.needs.append(Need(Name("schema", "", item.string.sval)))


def _grant(facts: Facts, node: Node) -> None:
    objtype = object_type(node)
    for item in node.objects:
        pairs = object_names(objtype, unwrap(item))
        use(facts, pairs)
    if node.targtype == _ALL_IN_SCHEMA:
        # It acts on the objects that are there, whichever these are.
        facts.barrier = True
    role_needs(facts, node)


def _owner(facts: Facts, node: Node) -> None:
    field = "object_type"
    pairs = object_names(object_type(node, field), unwrap(node.object))
    if hasattr(node, "relation") and node.HasField("relation"):
        pairs = [(range_name(node.relation), -1), *pairs]
    use(facts, pairs)
    role_needs(facts, node)


def _create_policy(facts: Facts, node: Node) -> None:
    table = range_name(node.table)
    if type(node).__name__ == "CreatePolicyStmt":
        facts.defines.append(member("policy", table, node.policy_name))
    else:
        facts.needs.append(Need(member("policy", table, node.policy_name)))
    facts.changes.append(table)
    tree_needs(facts, node)
    role_needs(facts, node)
    facts.calls = False


HANDLERS: dict[str, Callable[[Facts, Node], None]] = {
    "AlterDefaultPrivilegesStmt": _default_privileges,
    "AlterOwnerStmt": _owner,
    "AlterPolicyStmt": _create_policy,
    "AlterRoleSetStmt": _role_change,
    "AlterRoleStmt": _role_change,
    "CreatePolicyStmt": _create_policy,
    "CreateRoleStmt": _create_role,
    "GrantRoleStmt": _role_change,
    "GrantStmt": _grant,
}
