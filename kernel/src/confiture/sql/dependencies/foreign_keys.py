"""FOREIGN KEYs taken out of a CREATE TABLE, to be added when the other table is there.

PostgreSQL itself makes a table first and then adds its foreign keys as ALTER TABLE would
(``transformFKConstraints`` in ``parse_utilcmd.c``), so the constraint gets the name and the properties that it would
have had inline. All foreign keys of a table are taken out together: names that PostgreSQL chooses depend on their
order.
"""

from __future__ import annotations

from typing import Any

import msgspec

from confiture.model import Statement
from confiture.sql.grammar import parse

__all__ = ["take_out"]

#: Column constraints that belong to the one before them.
_ATTRIBUTES = frozenset(
    {"CONSTR_ATTR_DEFERRABLE", "CONSTR_ATTR_NOT_DEFERRABLE", "CONSTR_ATTR_DEFERRED", "CONSTR_ATTR_IMMEDIATE",
     "CONSTR_ATTR_ENFORCED", "CONSTR_ATTR_NOT_ENFORCED"}
)  # fmt: skip


def take_out(statement: Statement) -> tuple[Statement, list[Statement]]:
    """The CREATE TABLE without its foreign keys, and one ALTER TABLE for each of them, in order."""
    from postgast import deparse
    from postgast.pg_query_pb2 import AlterTableCmd, AlterTableStmt, Node, ParseResult, RawStmt

    tree = parse(statement.sql)
    table = tree.stmts[0].stmt.create_stmt
    keys: list[Any] = []
    elements = list(table.table_elts)
    del table.table_elts[:]
    for element in elements:
        if element.WhichOneof("node") == "column_def":
            keys += _from_column(element.column_def)
        elif _kind(element) == "CONSTR_FOREIGN":
            keys.append(element.constraint)
            continue
        table.table_elts.append(element)
    constraints = list(table.constraints)
    del table.constraints[:]
    for node in constraints:
        if _kind(node) == "CONSTR_FOREIGN":
            keys.append(node.constraint)
        else:
            table.constraints.append(node)
    added: list[Statement] = []
    for key in keys:
        # Inline, NOT VALID means nothing: the new table has no rows to check.
        key.skip_validation = False
        key.initially_valid = True
        command = AlterTableCmd(subtype="AT_AddConstraint", behavior="DROP_RESTRICT")
        getattr(command, "def").constraint.CopyFrom(key)
        alter = AlterTableStmt(relation=table.relation, cmds=[Node(alter_table_cmd=command)], objtype="OBJECT_TABLE")
        sql = deparse(ParseResult(version=tree.version, stmts=[RawStmt(stmt=Node(alter_table_stmt=alter))]))
        added.append(Statement(sql=sql, origin=statement.origin, kind="AlterTableStmt"))
    return msgspec.structs.replace(statement, sql=deparse(tree)), added


def _kind(node: Any) -> str:
    from postgast.pg_query_pb2 import ConstrType

    return str(ConstrType.Name(node.constraint.contype)) if node.WhichOneof("node") == "constraint" else ""


def _from_column(column: Any) -> list[Any]:
    """Take the foreign keys out of a column, with the attributes that follow each."""
    from postgast.pg_query_pb2 import Node, String

    nodes = list(column.constraints)
    del column.constraints[:]
    keys: list[Any] = []
    inside = False
    for node in nodes:
        kind = _kind(node)
        if kind == "CONSTR_FOREIGN":
            key = node.constraint
            del key.fk_attrs[:]
            key.fk_attrs.append(Node(string=String(sval=column.colname)))
            keys.append(key)
            inside = True
        elif inside and kind in _ATTRIBUTES:
            if kind == "CONSTR_ATTR_DEFERRABLE":
                keys[-1].deferrable = True
            elif kind == "CONSTR_ATTR_DEFERRED":
                keys[-1].deferrable = keys[-1].initdeferred = True
            elif kind == "CONSTR_ATTR_NOT_ENFORCED":
                keys[-1].is_enforced = False
        else:
            inside = False
            column.constraints.append(node)
    return keys
