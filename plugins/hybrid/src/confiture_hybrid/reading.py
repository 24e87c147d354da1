"""What a query does beyond taking columns: the engine's rule asks whether a mapping is simple."""

from __future__ import annotations

from typing import Any

from confiture.sql.grammar import GrammarError, branches, enum_names, parse, unwrap, walk

__all__ = ["complexity", "streams"]

#: What makes a mapping complex wherever it stands, a filter included.
_COMPLEX = {
    "SubLink": "has a sub-select",
    "RangeSubselect": "has a sub-select",
    "JoinExpr": "joins tables",
    "RangeFunction": "reads from a function",
    "FuncCall": "calls functions",
}
#: What an output column may be made of, where the mapping is simple; names and constants are no nodes of a walk.
_PLAIN = frozenset({"ResTarget", "ColumnRef", "TypeCast", "TypeName", "CollateClause"})


def complexity(query: str) -> str | None:
    """What the query does beyond plain columns of one table, casts and comparisons, as words; None for nothing."""
    select = _select(query)
    if select is None:
        return "is not one plain SELECT"
    if reason := _ends_streams(select):
        return reason
    if select.HasField("with_clause"):
        return "has WITH"
    if len(select.from_clause) > 1:
        return "joins tables"
    for node in walk(select):
        if reason := _COMPLEX.get(_kind(node)):
            return reason
    if any(_kind(node) not in _PLAIN for column in branches(select.target_list) for node in walk(column)):
        return "computes values"
    return None


def streams(query: str) -> bool:
    """Whether the first rows of the query come before all of it is read: else a sample says nothing of the rest."""
    select = _select(query)
    return select is not None and _ends_streams(select) is None


def _ends_streams(select: Any) -> str | None:
    if enum_names("SetOperation")[select.op] != "SETOP_NONE":
        return "combines queries"
    if select.distinct_clause:
        return "has DISTINCT"
    if select.group_clause or select.HasField("having_clause"):
        return "groups rows"
    if select.sort_clause:
        return "sorts rows"
    if any(_kind(node) == "WindowDef" for node in walk(select)):
        return "has window functions"
    return None


def _kind(node: Any) -> str:
    """PostgreSQL's name of a node."""
    name: str = node.DESCRIPTOR.name
    return name


def _select(query: str) -> Any:
    """The one SELECT of a text; None for anything else."""
    try:
        statements = parse(query).stmts
    except GrammarError:
        return None
    if len(statements) != 1:
        return None
    node = unwrap(statements[0].stmt)
    return node if node is not None and _kind(node) == "SelectStmt" else None
