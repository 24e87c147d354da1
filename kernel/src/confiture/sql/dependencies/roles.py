"""The roles that a plan names."""

from __future__ import annotations

from collections.abc import Iterator

from confiture.model import Plan, Statement
from confiture.sql.grammar import GrammarError, parse, unwrap, walk

__all__ = ["roles_named"]

#: Statements that can name a role; ALTER TABLE only with OWNER, SET only of the session's role.
_KINDS = frozenset(
    {"AlterDefaultPrivilegesStmt", "AlterOwnerStmt", "AlterPolicyStmt", "AlterRoleSetStmt", "AlterRoleStmt",
     "AlterUserMappingStmt", "CreatePolicyStmt", "CreateRoleStmt", "CreateSchemaStmt", "CreateTableSpaceStmt",
     "CreateUserMappingStmt", "CreatedbStmt", "DropOwnedStmt", "GrantRoleStmt", "GrantStmt", "ReassignOwnedStmt"}
)  # fmt: skip
_SETTINGS = ("role", "session_authorization")
#: One of these is in every statement that names a role: others of an unknown kind are not parsed.
_WORDS = ("alter", "grant", "revoke", "owned", "policy", "role", "user", "group", "authorization", "create database")


def roles_named(plan: Plan) -> tuple[str, ...]:
    """The roles that the plan names and does not make, sorted; no PUBLIC, CURRENT_USER..., ``pg_...``."""
    named: set[str] = set()
    made: set[str] = set()
    for statement in plan.statements:
        for role, makes in _roles(statement):
            (made if makes else named).add(role)
    return tuple(sorted(role for role in named - made if not role.startswith("pg_")))


def _roles(statement: Statement) -> Iterator[tuple[str, bool]]:
    kind = statement.kind or _kind(statement)
    lower = statement.sql.lower() if kind in ("AlterTableStmt", "VariableSetStmt", "CommentStmt") else ""
    if kind not in _KINDS and not (
        (kind == "AlterTableStmt" and "owner" in lower)
        or (kind == "CommentStmt" and "role" in lower)
        or (kind == "VariableSetStmt" and ("role" in lower or "authorization" in lower))
    ):
        return
    node = unwrap(parse(statement.sql).stmts[0].stmt)
    if kind == "VariableSetStmt":
        if node.name.lower() in _SETTINGS and node.args:
            value = node.args[0].a_const.sval.sval
            if value and value != "none":
                yield value, False
        return
    if kind == "CommentStmt":
        if node.object.HasField("string") and _is_role(node.objtype):
            yield node.object.string.sval, False
        return
    if kind == "CreateRoleStmt":
        yield node.role, True
    if kind == "GrantRoleStmt":
        for item in node.granted_roles:
            yield item.access_priv.priv_name, False
    for item in walk(node):
        if type(item).__name__ == "RoleSpec" and item.rolename:
            yield item.rolename, False


def _kind(statement: Statement) -> str:
    """The kind of a statement that nobody has read, such as one of a differ's."""
    lower = statement.sql.lower()
    if not any(word in lower for word in _WORDS):
        return ""
    try:
        stmts = parse(statement.sql).stmts
    except GrammarError:
        return ""  # the server will say what is wrong with it
    return type(unwrap(stmts[0].stmt)).__name__ if len(stmts) == 1 else ""


def _is_role(objtype: int) -> bool:
    from postgast.pg_query_pb2 import ObjectType

    return bool(ObjectType.Name(objtype) == "OBJECT_ROLE")
