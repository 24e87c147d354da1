"""Statements made fit for a scratch database: what belongs to the server that it is on is taken out.

Roles are the scratch server's, shared by all: they are made without login where they are missing, and never altered or
dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from confiture.errors import UnsupportedScript
from confiture.model import Statement
from confiture.quoting import quote_ident

__all__ = ["fit_for_scratch"]

#: What is not part of a database's schema, and does no harm by being left out.
_LEFT_OUT = {
    "AlterSystemStmt": "ALTER SYSTEM",
    "CreatedbStmt": "CREATE DATABASE",
    "DropdbStmt": "DROP DATABASE",
    "AlterDatabaseStmt": "ALTER DATABASE",
    "AlterDatabaseSetStmt": "ALTER DATABASE",
    "AlterDatabaseRefreshCollStmt": "ALTER DATABASE",
    "DropTableSpaceStmt": "DROP TABLESPACE",
    "AlterTableSpaceOptionsStmt": "ALTER TABLESPACE",
    "AlterRoleStmt": "ALTER ROLE",
    "AlterRoleSetStmt": "ALTER ROLE",
    "DropRoleStmt": "DROP ROLE",
    "CheckPointStmt": "CHECKPOINT",
    "VacuumStmt": "VACUUM",
}
#: What a scratch server cannot have, and leaving it out would make another schema.
_REFUSED = {
    "CreateSubscriptionStmt": ("CREATE SUBSCRIPTION", "it would connect to the publisher: keep it out of the schema"),
}
_SERVER_OBJECTS = frozenset({"OBJECT_DATABASE", "OBJECT_ROLE", "OBJECT_TABLESPACE"})


def fit_for_scratch(statement: Statement) -> tuple[Statement | None, str]:
    """The statement as a scratch database can run it; None and what it is where it is left out.

    Raises ``UnsupportedScript`` for one that cannot run there, and without which the schema would be another.
    """
    if refused := _REFUSED.get(statement.kind):
        origin = statement.origin
        raise UnsupportedScript(
            f"{refused[0]} cannot run on a scratch server",
            file=origin.file if origin else None,
            line=origin.line if origin else None,
            column=origin.column if origin else None,
            hint=refused[1],
        )
    if name := _LEFT_OUT.get(statement.kind):
        return None, name
    handle = _HANDLERS.get(statement.kind)
    return (statement, "") if handle is None else handle(statement, _node(statement))


def _create_role(statement: Statement, node: Any) -> tuple[Statement | None, str]:
    return _guarded(statement, f"CREATE ROLE {quote_ident(node.role)} NOLOGIN"), ""


def _grant_role(statement: Statement, node: Any) -> tuple[Statement | None, str]:
    return (_guarded(statement, statement.sql), "") if node.is_grant else (None, "REVOKE of a role")


def _copy(statement: Statement, node: Any) -> tuple[Statement | None, str]:
    return (None, "COPY of a file") if statement.copy_data is None else (statement, "")


def _unless_of_the_server(field: str, name: str) -> Callable[[Statement, Any], tuple[Statement | None, str]]:
    def handle(statement: Statement, node: Any) -> tuple[Statement | None, str]:
        from postgast import pg_query_pb2 as pb

        of_the_server = pb.ObjectType.Name(getattr(node, field)) in _SERVER_OBJECTS
        return (None, name) if of_the_server else (statement, "")

    return handle


_HANDLERS: dict[str, Callable[[Statement, Any], tuple[Statement | None, str]]] = {
    "CreateRoleStmt": _create_role,
    "GrantRoleStmt": _grant_role,
    "CopyStmt": _copy,
    "GrantStmt": _unless_of_the_server("objtype", "GRANT ON DATABASE"),
    "CommentStmt": _unless_of_the_server("objtype", "COMMENT ON DATABASE"),
    "AlterOwnerStmt": _unless_of_the_server("object_type", "ALTER DATABASE"),
    "SecLabelStmt": _unless_of_the_server("objtype", "SECURITY LABEL ON DATABASE"),
}


def _guarded(statement: Statement, sql: str) -> Statement:
    """``sql``, which several scratch databases may run at once: that it is so already is as good."""
    text = (
        f"DO $confiture$BEGIN {sql}; "
        "EXCEPTION WHEN duplicate_object OR unique_violation OR internal_error THEN NULL; END$confiture$"
    )
    return msgspec.structs.replace(statement, sql=text, kind="DoStmt")


def _node(statement: Statement) -> Any:
    from confiture.sql.grammar import parse, unwrap

    return unwrap(parse(statement.sql).stmts[0].stmt)
