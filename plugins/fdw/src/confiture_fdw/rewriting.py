"""The query as the target runs it: over foreign tables, with what only the source knows written out.

postgres_fdw sends a comparison to the source where its other side is a constant or the result of a sub-select that the
plan computes once (an InitPlan), and not where it calls a stable function, which ``current_setting`` is: then the whole
table would come over for each chunk. Nor does it send comparisons of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from confiture.errors import Refused
from confiture.sql.grammar import string_values, unwrap, walk
from confiture_fdw.queries import Name, ReadQuery, holds_setting, relations_in

__all__ = ["Session", "rewrite"]

#: What the source's session says of itself, by the name of the function or keyword that asks.
Session = Mapping[str, str]

_KEYWORDS: Final = {
    "SVFOP_CURRENT_CATALOG": "current_database",
    "SVFOP_CURRENT_ROLE": "current_user",
    "SVFOP_CURRENT_USER": "current_user",
    "SVFOP_USER": "current_user",
    "SVFOP_SESSION_USER": "session_user",
    "SVFOP_CURRENT_SCHEMA": "current_schema",
}
_STRICT: Final = {">": ">", ">=": ">", "<": "<", "<=": "<"}
_EXPRESSIONS: Final = frozenset(
    {"type_cast", "func_call", "a_expr", "a_indirection", "coalesce_expr", "case_expr", "a_array_expr", "min_max_expr"}
)
#: What depends on the row, or is a query of its own.
_NOT_CONSTANT: Final = frozenset({"ColumnRef", "SubLink", "SelectStmt"})


def rewrite(
    query: ReadQuery, tables: Mapping[Name, Name], session: Session, bases: Mapping[tuple[str, ...], tuple[str, str]]
) -> str:
    """SQL for the target.

    ``tables``: what stands for each relation. ``bases``: by the name of a domain that a setting is cast to, the type
    that it is made of. Raises ``Refused`` where the text cannot be made again from the tree.
    """
    import postgast

    tree = type(query.tree)()
    tree.CopyFrom(query.tree)
    _refuse_unfaithful(tree)
    statement = tree.stmts[0].stmt
    for relation in list(relations_in(statement.select_stmt)):
        schema, name = tables[(relation.schemaname, relation.relname)]
        if not relation.HasField("alias"):
            relation.alias.aliasname = relation.relname
        relation.catalogname, relation.schemaname, relation.relname, relation.inh = "", schema, name, True
    for node in walk(statement.select_stmt):
        # What was schema.table.column is found by the alias now.
        if type(node).__name__ == "ColumnRef" and len(node.fields) > 2:
            del node.fields[:-2]
    _each_node(statement, lambda node: _write_out(node, session) or _split_rows(node))
    _each_node(statement, lambda node: _compute_once(node, bases))
    return postgast.deparse(tree)


def _refuse_unfaithful(tree: Any) -> None:
    import postgast

    first = postgast.deparse(tree)
    again = postgast.parse(first)
    if postgast.deparse(again) != first or _constants(again) != _constants(tree):
        raise Refused(
            "the query cannot be written anew for the target: its text and its meaning would differ",
            hint="write it in a plainer way, or use the engine 'copy'",
        )


def _constants(tree: Any) -> list[Any]:
    stack, found = [tree.stmts[0].stmt], []
    while stack:
        node = stack.pop()
        if node.WhichOneof("node") == "a_const":
            constant = type(node.a_const)()
            constant.CopyFrom(node.a_const)
            constant.location = 0
            found.append(constant)
        stack += _nodes_below(unwrap(node))
    return found


def _nodes_below(message: Any) -> list[Any]:
    """Every ``Node`` directly below a concrete message, in order."""
    found: list[Any] = []
    for field, value in message.ListFields() if message is not None else ():
        if field.message_type is None:
            continue
        for each in value if field.is_repeated else (value,):
            if type(each).__name__ == "Node":
                found.append(each)
            else:
                found += _nodes_below(each)
    return found


def _each_node(root: Any, change: Any) -> None:
    """``change`` for every ``Node``, from above; below one that it says it changed for good, nothing is looked at."""
    stack = [root]
    while stack:
        node = stack.pop()
        if not change(node):
            stack += _nodes_below(unwrap(node))


def _write_out(node: Any, session: Session) -> bool:
    """What the source's session would say, as a constant."""
    import postgast.pg_query_pb2 as pb

    kind, asked = node.WhichOneof("node"), None
    if kind == "sqlvalue_function":
        asked = _KEYWORDS.get(pb.SQLValueFunctionOp.Name(node.sqlvalue_function.op))
    elif kind == "func_call" and not node.func_call.args:
        asked = string_values(node.func_call.funcname)[-1]
    if asked is None or asked not in session:
        return False
    constant = pb.Node(a_const=pb.A_Const(sval=pb.String(sval=session[asked])))
    node.CopyFrom(pb.Node(type_cast=pb.TypeCast(arg=constant, type_name=_type("pg_catalog", "name"))))
    return True


def _type(*names: str) -> Any:
    import postgast.pg_query_pb2 as pb

    return pb.TypeName(names=[pb.Node(string=pb.String(sval=name)) for name in names], typemod=-1)


def _split_rows(node: Any) -> bool:
    """``(a, b) >= (x, y)`` as ``(a > x OR a = x AND b >= y) AND a >= x``, whose end an index on ``a`` serves."""
    import postgast.pg_query_pb2 as pb

    if node.WhichOneof("node") != "a_expr" or node.a_expr.kind != pb.AEXPR_OP:
        return False
    *schema, operator = string_values(node.a_expr.name)
    sides = [node.a_expr.lexpr, node.a_expr.rexpr]
    if operator not in _STRICT or any(side.WhichOneof("node") != "row_expr" for side in sides):
        return False
    if not holds_setting(node.a_expr):
        return False
    pairs = list(zip(*(list(side.row_expr.args) for side in sides), strict=False))

    def compared(name: str, pair: tuple[Any, Any]) -> Any:
        names = [pb.Node(string=pb.String(sval=part)) for part in (*schema, name)]
        return pb.Node(a_expr=pb.A_Expr(kind=pb.AEXPR_OP, name=names, lexpr=pair[0], rexpr=pair[1]))

    def joined(how: Any, *parts: Any) -> Any:
        return pb.Node(bool_expr=pb.BoolExpr(boolop=how, args=parts))

    strict = _STRICT[operator]
    split = compared(operator, pairs[-1])
    for pair in reversed(pairs[:-1]):
        split = joined(pb.OR_EXPR, compared(strict, pair), joined(pb.AND_EXPR, compared("=", pair), split))
    node.CopyFrom(joined(pb.AND_EXPR, split, compared(f"{strict}=", pairs[0])))
    return False


def _compute_once(node: Any, bases: Mapping[tuple[str, ...], tuple[str, str]]) -> bool:
    """A constant expression with a setting as a sub-select; the largest that there is."""
    import postgast.pg_query_pb2 as pb

    kind = node.WhichOneof("node")
    message = unwrap(node)
    if kind == "a_expr" and message.kind in (pb.AEXPR_OP_ANY, pb.AEXPR_OP_ALL):
        # The parentheses of = ANY (...) around a sub-select make it one of rows: a cast keeps it a value.
        if message.rexpr.WhichOneof("node") == "type_cast" and _is_constant(message.rexpr):
            array = message.rexpr.type_cast
            kept = _type()
            kept.CopyFrom(array.type_name)
            once = _sub_select(message.rexpr)
            message.rexpr.CopyFrom(pb.Node(type_cast=pb.TypeCast(arg=once, type_name=kept)))
            return not holds_setting(unwrap(message.lexpr)) if message.lexpr.WhichOneof("node") else True
        return False
    if kind not in _EXPRESSIONS or not _is_constant(node):
        return False
    if kind == "type_cast":
        names = string_values(node.type_cast.type_name.names)
        if names in bases and not node.type_cast.type_name.array_bounds:
            node.type_cast.type_name.CopyFrom(_type(*bases[names]))
    node.CopyFrom(_sub_select(node))
    return True


def _is_constant(node: Any) -> bool:
    message = unwrap(node)
    return holds_setting(message) and not any(type(each).__name__ in _NOT_CONSTANT for each in walk(message))


def _sub_select(node: Any) -> Any:
    import postgast.pg_query_pb2 as pb

    target = pb.Node(res_target=pb.ResTarget(val=node))
    select = pb.SelectStmt(target_list=[target], limit_option=pb.LIMIT_OPTION_DEFAULT, op=pb.SETOP_NONE)
    return pb.Node(sub_link=pb.SubLink(sub_link_type=pb.EXPR_SUBLINK, subselect=pb.Node(select_stmt=select)))
