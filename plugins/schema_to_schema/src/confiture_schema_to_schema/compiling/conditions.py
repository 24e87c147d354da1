"""A condition put into a query that is ready, where its driving table is in scope."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from confiture.masking.rules import split_name
from confiture_schema_to_schema.compiling import trees

if TYPE_CHECKING:
    from confiture_schema_to_schema.values import Part

__all__ = ["find_scope", "from_items", "with_condition"]


def with_condition(part: Part, condition: str, *, relation: str | None = None) -> str:
    """The part's query with ``condition`` (SQL over the driving table by ``part.alias``) beside its own.

    ``relation``: SQL text that stands in the place of the driving table, a partition or ``ONLY`` of it. Raises
    ``ValueError`` for a part that cannot be cut (``part.whole``), unless the condition is ``true``.
    """
    if part.whole is not None:
        if condition == "true" and relation is None:
            return part.query
        raise ValueError(f"{part.label!r} cannot be copied piece by piece: {part.whole}")
    tree = trees.select(part.query)
    scope, item = find_scope(tree, part.alias)
    if relation is not None:
        other = trees.relation(relation)
        getattr(other, other.WhichOneof("node")).alias.CopyFrom(item.range_var.alias)
        item.CopyFrom(other)
    if condition != "true":
        trees.and_where(scope, trees.select(f"SELECT WHERE (\n{condition}\n)").where_clause)
    return trees.text(tree)


def find_scope(tree: Any, alias: str) -> tuple[Any, Any]:
    """The SELECT whose FROM has the driving table, and the ``Node`` of that: in the wrapping of casts, or without.

    ``alias`` is SQL (``Part.alias``). Raises ``ValueError`` where it is not there.
    """
    (name,) = split_name(alias)
    while True:
        for item in from_items(tree):
            if item.WhichOneof("node") == "range_var" and item.range_var.alias.aliasname == name:
                return tree, item
        inner = tree.from_clause[0].range_subselect if len(tree.from_clause) == 1 else None
        if inner is None or inner.alias.aliasname != trees.WRAPPED:
            raise ValueError(f"the query has no {alias!r} in its FROM")
        tree = inner.subquery.select_stmt


def from_items(tree: Any) -> Iterator[Any]:
    """The ``Node``s of a SELECT's FROM, those of joins one by one."""
    stack = list(reversed(tree.from_clause))
    while stack:
        node = stack.pop()
        if node.WhichOneof("node") == "join_expr":
            stack += [node.join_expr.rarg, node.join_expr.larg]
        else:
            yield node
