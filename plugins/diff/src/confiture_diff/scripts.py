"""A side's files made fit for a scratch database: what belongs to a server or a transaction is taken out.

Everything that makes a schema runs as it is written. Roles are the scratch server's, shared by all: they are made
without login where they are missing, and never altered or dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from confiture.errors import UnsupportedScript
from confiture.model import Plan, SourceFile, Statement
from confiture.quoting import quote_ident

__all__ = ["Script", "read_ddl"]

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
    "ConstraintsSetStmt": "SET CONSTRAINTS",
    "VacuumStmt": "VACUUM",
}
#: What a scratch server cannot have, and leaving it out would make another schema.
_REFUSED = {
    "CreateSubscriptionStmt": ("CREATE SUBSCRIPTION", "it would connect to the publisher: keep it out of the schema"),
}
_SERVER_OBJECTS = frozenset({"OBJECT_DATABASE", "OBJECT_ROLE", "OBJECT_TABLESPACE"})


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What runs, and what was left out: each is a kind of statement."""

    plan: Plan
    left_out: tuple[str, ...] = ()


def read_ddl(files: Sequence[SourceFile]) -> Script:
    """The statements of the files as a scratch database can run them.

    Transactions are undone: what was rolled back is gone, what a transaction had set for itself is set back.
    Raises ``SyntaxInvalid``, ``UnsupportedScript``.
    """
    from confiture.sql import read_script

    plan = read_script(files, transactions=True)
    cleaner = _Cleaner()
    for statement in plan.statements:
        cleaner.add(statement)
    return Script(plan=msgspec.structs.replace(plan, statements=tuple(cleaner.kept)), left_out=tuple(cleaner.left_out))


class _Cleaner:
    def __init__(self) -> None:
        self.kept: list[Statement] = []
        self.left_out: dict[str, None] = {}
        #: Where the open transaction began in ``kept``; None outside of one.
        self._began: int | None = None
        #: The settings that last as long as the transaction, and those of the session, by name.
        self._local: dict[str, None] = {}
        self._session: dict[str, Statement] = {}

    def add(self, statement: Statement) -> None:
        handle: Callable[[Statement, Any], None] | None = getattr(self, f"_{statement.kind}", None)
        if refused := _REFUSED.get(statement.kind):
            raise _refusal(statement, f"{refused[0]} cannot run on a scratch server", refused[1])
        if name := _LEFT_OUT.get(statement.kind):
            self.left_out[name] = None
        elif handle is not None:
            handle(statement, _node(statement))
        else:
            self.kept.append(statement)

    def _TransactionStmt(self, statement: Statement, node: Any) -> None:  # noqa: N802 - the grammar's names
        from postgast import pg_query_pb2 as pb

        kind = pb.TransactionStmtKind.Name(node.kind).removeprefix("TRANS_STMT_")
        if kind in ("BEGIN", "START"):
            self._began = len(self.kept) if self._began is None else self._began
        elif kind in ("COMMIT", "ROLLBACK"):
            if kind == "ROLLBACK" and self._began is not None:
                del self.kept[self._began :]
                self._local.clear()
            for name in self._local:
                before = self._session.get(name)
                self.kept.append(before or Statement(sql=f"RESET {name}", kind="VariableSetStmt", session=True))
            self._local.clear()
            self._began = len(self.kept) if node.chain else None
        elif kind not in ("SAVEPOINT", "RELEASE"):
            raise _refusal(
                statement,
                f"{kind.replace('_', ' ')} cannot be honoured",
                "a script may hold BEGIN, COMMIT and ROLLBACK: leave out what is taken back",
            )

    def _VariableSetStmt(self, statement: Statement, node: Any) -> None:  # noqa: N802
        if node.name.startswith("TRANSACTION"):
            return
        if not node.is_local:
            self._session[node.name] = statement
            self.kept.append(statement)
        elif self._began is not None:
            import postgast

            tree = postgast.parse(statement.sql)
            tree.stmts[0].stmt.variable_set_stmt.is_local = False
            self._local[node.name] = None
            self.kept.append(msgspec.structs.replace(statement, sql=postgast.deparse(tree), session=True))

    def _CreateRoleStmt(self, statement: Statement, node: Any) -> None:  # noqa: N802
        self.kept.append(_guarded(statement, f"CREATE ROLE {quote_ident(node.role)} NOLOGIN"))

    def _GrantRoleStmt(self, statement: Statement, node: Any) -> None:  # noqa: N802
        if node.is_grant:
            self.kept.append(_guarded(statement, statement.sql))
        else:
            self.left_out["REVOKE of a role"] = None

    def _GrantStmt(self, statement: Statement, node: Any) -> None:  # noqa: N802
        self._unless_of_the_server(statement, node.objtype, "GRANT ON DATABASE")

    def _CommentStmt(self, statement: Statement, node: Any) -> None:  # noqa: N802
        self._unless_of_the_server(statement, node.objtype, "COMMENT ON DATABASE")

    def _AlterOwnerStmt(self, statement: Statement, node: Any) -> None:  # noqa: N802
        self._unless_of_the_server(statement, node.object_type, "ALTER DATABASE")

    def _SecLabelStmt(self, statement: Statement, node: Any) -> None:  # noqa: N802
        self._unless_of_the_server(statement, node.objtype, "SECURITY LABEL ON DATABASE")

    def _unless_of_the_server(self, statement: Statement, type_: int, name: str) -> None:
        from postgast import pg_query_pb2 as pb

        if pb.ObjectType.Name(type_) in _SERVER_OBJECTS:
            self.left_out[name] = None
        else:
            self.kept.append(statement)

    def _CopyStmt(self, statement: Statement, node: Any) -> None:  # noqa: N802
        if statement.copy_data is None:
            self.left_out["COPY of a file"] = None
        else:
            self.kept.append(statement)


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


def _refusal(statement: Statement, message: str, hint: str) -> UnsupportedScript:
    origin = statement.origin
    return UnsupportedScript(
        message,
        file=origin.file if origin else None,
        line=origin.line if origin else None,
        column=origin.column if origin else None,
        hint=hint,
    )
