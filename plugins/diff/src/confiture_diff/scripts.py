"""A side's files made fit for a scratch database: what belongs to a server or a transaction is taken out.

Everything that makes a schema runs as it is written, save what :mod:`confiture.sql.scratch` says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from confiture.errors import UnsupportedScript
from confiture.model import Plan, SourceFile, Statement
from confiture.sql.scratch import fit_for_scratch

__all__ = ["Script", "read_ddl"]


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
        if handle is not None:
            handle(statement, _node(statement))
            return
        fitting, name = fit_for_scratch(statement)
        if fitting is None:
            self.left_out[name] = None
        else:
            self.kept.append(fitting)

    def _ConstraintsSetStmt(self, statement: Statement, node: Any) -> None:  # noqa: N802 - the grammar's names
        self.left_out["SET CONSTRAINTS"] = None

    def _TransactionStmt(self, statement: Statement, node: Any) -> None:  # noqa: N802
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
