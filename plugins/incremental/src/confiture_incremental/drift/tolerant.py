"""Statements that do nothing where there is nothing to do.

A migration runs on every database; drift is one database's. What removes an index there must not fail elsewhere.
"""

from __future__ import annotations

from typing import Any

import msgspec

from confiture.model import Statement
from confiture.sql.grammar import enum_names, parse, unwrap

__all__ = ["tolerant"]

#: The field by which the grammar says IF EXISTS, IF NOT EXISTS or OR REPLACE.
_FLAGS = {
    "DropStmt": "missing_ok",
    "IndexStmt": "if_not_exists",
    "CreateStmt": "if_not_exists",
    "CreateSeqStmt": "if_not_exists",
    "CreateSchemaStmt": "if_not_exists",
    "CreateExtensionStmt": "if_not_exists",
    "CreateStatsStmt": "if_not_exists",
    "CreateTableAsStmt": "if_not_exists",
    "ViewStmt": "replace",
    "CreateFunctionStmt": "replace",
    "CreateTrigStmt": "replace",
    "RuleStmt": "replace",
    "AlterEnumStmt": "skip_if_new_val_exists",
}
_OF_TABLES = frozenset({"AT_AddColumn", "AT_DropColumn", "AT_DropConstraint"})
#: What has no such form: that it is there already is taken for done.
_GUARDED = frozenset(
    {"CreateEnumStmt", "CompositeTypeStmt", "CreateDomainStmt", "CreateRangeStmt", "CreatePolicyStmt", "CreateCastStmt"}
)


def tolerant(statement: Statement) -> Statement:
    """The statement in the form that changes nothing where it is so already; as it is where there is none."""
    import postgast

    tree = parse(statement.sql)
    if len(tree.stmts) != 1:
        return statement
    node = unwrap(tree.stmts[0].stmt)
    kind = type(node).__name__
    if kind in _GUARDED or _adds_constraint(node, kind) or (kind == "CreateTrigStmt" and node.isconstraint):
        return _with_sql(statement, _guarded(statement.sql))
    changed = False
    if flag := _FLAGS.get(kind):
        changed = not getattr(node, flag) and not (kind == "IndexStmt" and not node.idxname)
        if changed:
            setattr(node, flag, True)
    elif kind == "AlterTableStmt":
        for command in (each.alter_table_cmd for each in node.cmds):
            if _subtype(command) in _OF_TABLES and not command.missing_ok:
                command.missing_ok = changed = True
    return _with_sql(statement, postgast.deparse(tree)) if changed else statement


def _adds_constraint(node: Any, kind: str) -> bool:
    if kind == "AlterDomainStmt":
        return bool(node.subtype == "C")
    return kind == "AlterTableStmt" and any(_subtype(each.alter_table_cmd) == "AT_AddConstraint" for each in node.cmds)


def _subtype(command: Any) -> str:
    return str(enum_names("AlterTableType")[command.subtype])


def _guarded(sql: str) -> str:
    # A second primary key is an invalid table definition.
    return (
        f"DO $confiture$\nBEGIN\n{sql};\n"
        "EXCEPTION WHEN duplicate_object OR duplicate_table OR invalid_table_definition THEN NULL;\nEND\n$confiture$"
    )


def _with_sql(statement: Statement, sql: str) -> Statement:
    return msgspec.structs.replace(statement, sql=sql, kind="", undo=None)
