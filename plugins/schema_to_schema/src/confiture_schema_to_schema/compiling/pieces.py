"""Whether each row of a query is made of one row of its driving table, so that it can be copied piece by piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from confiture.sql.grammar import children, enum_names

if TYPE_CHECKING:
    from confiture_schema_to_schema.compiling.functions import Functions

__all__ = ["whole"]

#: Parts of a SELECT after which a row of it is no longer made of one row of each table alone.
_WHOLE: Final = {
    "distinct_clause": "it has DISTINCT",
    "group_clause": "it has GROUP BY",
    "having_clause": "it has HAVING",
    "limit_count": "it has LIMIT",
    "limit_offset": "it has OFFSET",
}


def whole(tree: Any, functions: Functions) -> str | None:
    """Why the query must be run in one piece."""
    if enum_names("SetOperation")[tree.op] != "SETOP_NONE":
        return "it has " + enum_names("SetOperation")[tree.op].removeprefix("SETOP_")
    for field, _ in tree.ListFields():
        if field.name in _WHOLE:
            return _WHOLE[field.name]
    if tree.with_clause.recursive:
        return "it has WITH RECURSIVE"
    if functions.aggregates(tree):
        return "it has an aggregate function"
    if _has_window_function(tree):
        return "it has a window function"
    return None


def _has_window_function(tree: Any) -> bool:
    stack = children(tree)
    while stack:
        node = stack.pop()
        if node.DESCRIPTOR.name == "FuncCall" and node.HasField("over"):
            return True
        stack += [each for each in children(node) if each.DESCRIPTOR.name != "SelectStmt"]
    return False
