"""SQL as parse trees: expressions and conditions that are put into a query, and the query's text again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from confiture.quoting import quote_ident
from confiture.sql.grammar import parse, string_values
from confiture_schema_to_schema.mapping.expressions import SqlError, check_expression, deparse

__all__ = [
    "WRAPPED",
    "SqlError",
    "and_where",
    "cast",
    "column",
    "copied",
    "expression",
    "fields_of",
    "is_literal",
    "literal_text",
    "relation",
    "select",
    "set_outputs",
    "text",
    "without_cast",
    "wrapped",
]

#: The alias of a query whose values are cast around it.
WRAPPED = "confiture_rows"
#: PostgreSQL's number of ``AND_EXPR`` in libpg_query's ``BoolExprType``.
_AND = 1


def select(sql: str) -> Any:
    """The SELECT's tree."""
    return parse(sql).stmts[0].stmt.select_stmt


def text(tree: Any) -> str:
    """The SELECT's text. Raises ``SqlError`` where the text would mean something else."""
    return deparse(tree)


def expression(sql: str) -> Any:
    """The ``Node`` of one expression. Raises ``SqlError`` where it is more, or none."""
    check_expression(sql)
    return select(f"SELECT (\n{sql}\n)").target_list[0].res_target.val


def column(*names: str) -> Any:
    """The ``Node`` of a column: ``alias.name``."""
    from postgast import pg_query_pb2

    node = pg_query_pb2.Node()  # put together, and not parsed: there is one of each column of each table
    for name in names:
        node.column_ref.fields.add().string.sval = name
    return node


def relation(sql: str) -> Any:
    """The ``Node`` of what stands in a FROM."""
    return select(f"SELECT FROM {sql}").from_clause[0]


def cast(node: Any, type_: str) -> Any:
    """The ``Node`` of ``CAST(node AS type_)``."""
    found = select(f"SELECT CAST(NULL AS {type_})").target_list[0].res_target.val
    found.type_cast.arg.CopyFrom(node)
    return found


def copied(node: Any) -> Any:
    """A ``Node`` of its own, equal to this one."""
    other = type(node)()
    other.CopyFrom(node)
    return other


def fields_of(reference: Any) -> tuple[str, ...]:
    """The names of a ``ColumnRef``; () for one with a star."""
    if any(field.WhichOneof("node") != "string" for field in reference.fields):
        return ()
    return string_values(reference.fields)


def is_literal(node: Any) -> bool:
    """Whether it is a string or NULL as it stands, which takes on the type of where it goes."""
    constant = node.a_const if node.WhichOneof("node") == "a_const" else None
    return constant is not None and bool(constant.isnull or constant.WhichOneof("val") == "sval")


def without_cast(node: Any) -> Any:
    """The literal in a literal with a cast, as PostgreSQL writes defaults (``'new'::mood``); else the node itself.

    The type may not be known where the literal is to be used.
    """
    inner = node.type_cast.arg if node.WhichOneof("node") == "type_cast" else node
    return inner if is_literal(inner) else node


def literal_text(node: Any) -> str | None:
    """The string of such a literal, "" for NULL; None for what is no literal."""
    if not is_literal(node):
        return None
    return "" if node.a_const.isnull else node.a_const.sval.sval


def and_where(tree: Any, condition: Any) -> None:
    """Put the ``Node`` of a condition beside those that the SELECT has."""
    if not tree.HasField("where_clause"):
        tree.where_clause.CopyFrom(condition)
        return
    own = tree.where_clause.bool_expr
    if tree.where_clause.WhichOneof("node") == "bool_expr" and own.boolop == _AND:
        own.args.add().CopyFrom(condition)  # "(a AND b) AND c" is read as one AND of three, and would not be the same
        return
    both = select("SELECT WHERE true AND true").where_clause
    both.bool_expr.args[0].CopyFrom(tree.where_clause)
    both.bool_expr.args[1].CopyFrom(condition)
    tree.where_clause.CopyFrom(both)


def set_outputs(tree: Any, nodes: Iterable[Any]) -> None:
    """Let the SELECT give these, and nothing else."""
    del tree.target_list[:]
    for node in nodes:
        tree.target_list.add().res_target.val.CopyFrom(node)


def wrapped(tree: Any, names: Sequence[str], nodes: Iterable[Any]) -> Any:
    """A SELECT of ``nodes`` around ``tree``, whose columns they know as :data:`WRAPPED` with ``names``."""
    columns = ", ".join(map(quote_ident, names))
    outer = select(f"SELECT FROM (SELECT) AS {quote_ident(WRAPPED)}({columns})")
    outer.from_clause[0].range_subselect.subquery.select_stmt.CopyFrom(tree)
    set_outputs(outer, nodes)
    return outer
