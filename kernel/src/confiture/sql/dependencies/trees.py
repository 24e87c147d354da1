"""What a part of a parse tree refers to: tables, types, functions, operators, collations and columns.

Whole schemas pass through here. The kinds of node that trees are made of have visits of their own, which read what they
refer to and go on only where names can be; each look into a protobuf message costs 0.1 to 1 microseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confiture.sql.dependencies.facts import Facts, Name, Need, Strength
from confiture.sql.dependencies.needs import add_need, name_of, range_name, relation_in, type_need
from confiture.sql.grammar import branches, children, enum_names, string_values, walk

__all__ = ["tree_needs", "trees_needs"]

#: DefElems whose value looks like a type to the grammar and is a function: of CREATE AGGREGATE, OPERATOR, TYPE.
_FUNCTION_OPTIONS = frozenset(
    {"sfunc", "finalfunc", "combinefunc", "serialfunc", "deserialfunc", "msfunc", "minvfunc", "mfinalfunc", "function",
     "procedure", "restrict", "join", "input", "output", "receive", "send", "typmod_in", "typmod_out", "analyze",
     "subscript", "subtype_diff", "canonical"}
)  # fmt: skip
#: Casts of a constant to these name an object.
_REG_TYPES = {"regclass": "relation", "regtype": "type", "regproc": "function", "regprocedure": "function"}
#: Functions whose first argument, a constant, names a relation.
_BY_NAME = frozenset({"nextval", "currval", "setval", "pg_get_serial_sequence", "pg_relation_size"})
#: Constraints of which only an expression can refer to anything.
_EXPRESSIONS = frozenset({"CONSTR_CHECK", "CONSTR_DEFAULT", "CONSTR_GENERATED"})


class _Walk:
    """The state of one walk. ``stack`` holds what is yet to be visited, the next at its end: trees can be deep."""

    __slots__ = ("facts", "plain", "queries", "stack", "strength")

    def __init__(self, facts: Facts, strength: Strength, stack: list[Any]) -> None:
        self.facts = facts
        self.strength = strength
        self.stack = stack
        #: The names of WITH queries, and where among the needs those of tables are that may be such a query.
        self.queries: set[str] = set()
        self.plain: list[int] = []


def tree_needs(facts: Facts, root: Any, strength: Strength = Strength.NEEDED) -> None:
    """Record all that the tree refers to. Names of WITH queries are not tables."""
    trees_needs(facts, [root], strength)


def trees_needs(facts: Facts, roots: list[Any], strength: Strength = Strength.NEEDED) -> None:
    """Record all that the trees of one statement refer to. Empties the list."""
    state = _Walk(facts, strength, roots)
    while roots:
        node = roots.pop()
        visit = _VISITS.get(type(node).__name__)
        if visit is None:
            roots.extend(children(node))
        else:
            visit(state, node)
    if state.queries:
        for position in reversed(state.plain):
            if facts.needs[position].name.name in state.queries:
                del facts.needs[position]


def _range(state: _Walk, node: Any) -> None:
    name = range_name(node)
    if not name.schema:
        state.plain.append(len(state.facts.needs))
    add_need(state.facts, name, state.strength)


def _query(state: _Walk, node: Any) -> None:
    state.queries.add(node.ctename)
    state.stack.extend(children(node))


def _select(state: _Walk, node: Any) -> None:
    if node.group_clause:
        # A column outside of GROUP BY is allowed where the primary key is in it, so the key must exist by then.
        for item in walk(node):
            if type(item).__name__ == "RangeVar":
                state.facts.needs.append(Need(range_name(item, "primary key"), Strength.LIKELY))
    if node.values_lists:
        # Rows of constants, by the thousand in a dump, refer to nothing.
        for row in node.values_lists:
            state.stack += branches(row.list.items)
        if node.HasField("with_clause"):
            state.stack.append(node.with_clause)
    else:
        state.stack.extend(children(node))


def _target(state: _Walk, node: Any) -> None:
    if name := node.name:
        state.facts.columns.add(name)
    if node.indirection:
        state.stack += branches(node.indirection)
    state.stack += branches((node.val,))


def _column(state: _Walk, node: Any) -> None:
    for field in node.fields:
        if name := field.string.sval:  # "" for a star
            state.facts.columns.add(name)


def _operator(state: _Walk, node: Any) -> None:
    parts = string_values(node.name)
    if parts:
        state.facts.needs.append(Need(name_of("operator", parts), state.strength))
    state.stack += branches((node.lexpr, node.rexpr))


def _call(state: _Walk, node: Any) -> None:
    facts, strength = state.facts, state.strength
    parts = string_values(node.funcname)
    facts.calls = True
    arguments = node.args
    add_need(facts, name_of("function", parts), strength, -1 if node.agg_star else len(arguments))
    if parts[-1] in _BY_NAME and arguments and arguments[0].HasField("a_const"):
        name = relation_in(arguments[0].a_const.sval.sval)
        if name:
            add_need(facts, name, strength)
    state.stack += branches(arguments)
    if node.agg_order:
        state.stack += branches(node.agg_order)
    if node.HasField("agg_filter"):
        state.stack += branches((node.agg_filter,))
    if node.HasField("over"):
        state.stack.append(node.over)


def _cast(state: _Walk, node: Any) -> None:
    space = _REG_TYPES.get(node.type_name.names[-1].string.sval if node.type_name.names else "")
    if space and node.arg.HasField("a_const"):
        name = relation_in(node.arg.a_const.sval.sval, space)
        if name:
            add_need(state.facts, name, state.strength)
    state.stack += branches((node.arg,))
    state.stack.append(node.type_name)


def _type(state: _Walk, node: Any) -> None:
    type_need(state.facts, node, state.strength)
    if node.typmods:
        state.stack += branches(node.typmods)


def _collate(state: _Walk, node: Any) -> None:
    add_need(state.facts, name_of("collation", string_values(node.collname)), state.strength)
    state.stack += branches((node.arg,))


def _index_element(state: _Walk, node: Any) -> None:
    if name := node.name:
        state.facts.columns.add(name)
    if node.opclass:
        add_need(state.facts, name_of("operator class", string_values(node.opclass)), state.strength)
        if node.opclassopts:
            state.stack += branches(node.opclassopts)
    if node.collation:
        add_need(state.facts, name_of("collation", string_values(node.collation)), state.strength)
    if node.HasField("expr"):
        state.stack += branches((node.expr,))


def _index(state: _Walk, node: Any) -> None:
    state.stack.append(node.relation)
    state.stack += branches(node.index_params)
    if node.index_including_params:
        state.stack += branches(node.index_including_params)
    if node.options:
        state.stack += branches(node.options)
    if node.HasField("where_clause"):
        state.stack += branches((node.where_clause,))


def _column_definition(state: _Walk, node: Any) -> None:
    if node.HasField("type_name"):
        state.stack.append(node.type_name)
    if node.HasField("raw_default"):  # USING of ALTER COLUMN ... TYPE; a DEFAULT is a constraint
        state.stack += branches((node.raw_default,))
    if node.HasField("coll_clause"):
        state.stack.append(node.coll_clause)
    for item in node.constraints:
        state.stack.append(item.constraint)


def _constraint(state: _Walk, node: Any) -> None:
    if enum_names("ConstrType")[node.contype] in _EXPRESSIONS:
        state.stack += branches((node.raw_expr,))
        return
    for names in (node.keys, node.fk_attrs, node.pk_attrs, node.including):
        if names:
            state.facts.columns.update(string_values(names))
    if node.indexname:
        state.facts.needs.append(Need(Name("relation", "", node.indexname), state.strength))
    state.stack.extend(children(node))


def _option(state: _Walk, node: Any) -> None:
    if node.defname in _FUNCTION_OPTIONS and node.arg.HasField("type_name"):
        add_need(state.facts, name_of("function", string_values(node.arg.type_name.names)), state.strength)
    else:
        state.stack += branches((node.arg,))


def _list(state: _Walk, node: Any) -> None:
    state.stack += branches(node.items)


def _parameter(state: _Walk, node: Any) -> None:
    state.stack.append(node.arg_type)
    if node.HasField("defexpr"):
        state.stack += branches((node.defexpr,))


def _routine(state: _Walk, node: Any) -> None:
    state.stack += branches(node.parameters)
    if node.HasField("return_type"):
        state.stack.append(node.return_type)
    state.stack += branches(node.options)
    if node.HasField("sql_body"):
        state.stack += branches((node.sql_body,))


def _nothing(state: _Walk, node: Any) -> None:
    """Roles and aliases are no names of this kind."""


_VISITS: dict[str, Callable[[_Walk, Any], None]] = {
    "A_Expr": _operator,
    "Alias": _nothing,
    "CollateClause": _collate,
    "ColumnDef": _column_definition,
    "ColumnRef": _column,
    "CommonTableExpr": _query,
    "Constraint": _constraint,
    "CreateFunctionStmt": _routine,
    "DefElem": _option,
    "FuncCall": _call,
    "FunctionParameter": _parameter,
    "IndexElem": _index_element,
    "IndexStmt": _index,
    "List": _list,
    "RangeVar": _range,
    "ResTarget": _target,
    "RoleSpec": _nothing,
    "SelectStmt": _select,
    "TypeCast": _cast,
    "TypeName": _type,
}
