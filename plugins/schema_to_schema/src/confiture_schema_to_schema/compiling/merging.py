"""Several ways into one table: all of them fill the same columns, in the same order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from confiture_schema_to_schema.compiling import trees
from confiture_schema_to_schema.compiling.drafts import Draft, Output

if TYPE_CHECKING:
    from confiture_schema_to_schema.compiling.functions import Functions
    from confiture_schema_to_schema.compiling.naming import Findings
    from confiture_schema_to_schema.values import Column

__all__ = ["by_target", "default_nodes", "merge"]


def by_target(drafts: Iterable[Draft]) -> dict[str, list[Draft]]:
    """The drafts by the label of their target."""
    found: dict[str, list[Draft]] = {}
    for draft in drafts:
        found.setdefault(draft.way.target.label, []).append(draft)
    return found


def default_nodes(drafts: Sequence[Draft]) -> Iterable[object]:
    """Trees of the defaults that :func:`merge` may need."""
    for name in _missing(drafts):
        column = drafts[0].way.target.column(name)
        if column is not None and column.default is not None:
            yield trees.expression(column.default)


def merge(drafts: Sequence[Draft], functions: Functions, findings: Findings) -> None:
    """Let each draft fill what the others fill: with the column's default, since a COPY has one list of columns."""
    missing = set(_missing(drafts))
    for draft in drafts:
        for column in draft.way.target.columns:
            if column.name in missing and draft.output(column.name) is None:
                _fill(draft, column, functions, findings)
        order = [column.name for column in draft.way.target.columns]
        draft.outputs.sort(key=lambda output: order.index(output.column.name))


def _missing(drafts: Sequence[Draft]) -> list[str]:
    """Columns that some fill, and others do not."""
    filled = [{output.column.name for output in draft.outputs} for draft in drafts if not draft.broken]
    if len(filled) < 2:
        return []
    some, all_ = set.union(*filled), set.intersection(*filled)
    return [column.name for column in drafts[0].way.target.columns if column.name in some - all_]


def _fill(draft: Draft, column: Column, functions: Functions, findings: Findings) -> None:
    if column.not_null and not column.filled_by_itself:
        return  # that is said of every column which nothing fills
    node = trees.without_cast(trees.expression(column.default or "NULL"))
    if column.identity or draft.fixed or not functions.immutable(node):
        findings.error(
            "unfilled",
            draft.way.target.label,
            f"column {column.name!r} of {draft.way.target.label!r} is filled from another table, and not from "
            f"{draft.source.label!r}; its default cannot be taken for it",
            hint="say what these rows get: in custom_sql" if draft.fixed else "say what these rows get: in 'defaults'",
            entry=draft.way.entry,
        )
        draft.broken = True
        return
    draft.outputs.append(Output(column, node, None, trees.literal_text(node)))
