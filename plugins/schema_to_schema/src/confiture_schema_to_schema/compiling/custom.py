"""``custom_sql``: its relations found, its driving table chosen, and whether it can be copied piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from confiture.sql.grammar import enum_names, walk
from confiture_schema_to_schema.compiling import trees
from confiture_schema_to_schema.compiling.drafts import Draft, Output
from confiture_schema_to_schema.compiling.naming import nearest
from confiture_schema_to_schema.compiling.pieces import whole
from confiture_schema_to_schema.compiling.relations import Read, qualify

if TYPE_CHECKING:
    from confiture_schema_to_schema.compiling.functions import Functions
    from confiture_schema_to_schema.compiling.naming import Findings
    from confiture_schema_to_schema.compiling.relations import Relations
    from confiture_schema_to_schema.compiling.ways import Way
    from confiture_schema_to_schema.values import Catalog, Column, Table

__all__ = ["custom_draft"]


def custom_draft(way: Way, old: Catalog, relations: Relations, functions: Functions, findings: Findings) -> Draft:
    """The query that somebody wrote, with relations of the old database. Its columns are given types later."""
    assert way.custom is not None
    tree = trees.select(way.custom.select)
    draft = Draft(way=way, tree=tree, source=way.source, alias=way.source.name, written=[tree])
    draft.handled = {column.name for column in way.source.columns}
    try:
        reads = qualify(tree, relations)
    except trees.SqlError as error:
        findings.error("map", way.source.label, f"custom_sql: {error.message}", hint=error.hint, entry=way.entry)
        draft.broken = True
        return draft
    draft.dropped = {column.name for column in way.source.columns} - _mentioned(tree, way.source)
    _drive(draft, reads, old)
    draft.whole = whole(tree, functions) or draft.whole
    draft.fixed = draft.whole is not None or _has_star(tree)
    _outputs(draft, findings)
    return draft


def _mentioned(tree: Any, table: Table) -> set[str]:
    found: set[str] = set()
    for node in walk(tree):
        if node.DESCRIPTOR.name == "ColumnRef":
            last = node.fields[-1]
            found |= (
                {last.string.sval} if last.WhichOneof("node") == "string" else {each.name for each in table.columns}
            )
    return found


# -- the driving table -----------------------------------------------------------------------------------------------


def _drive(draft: Draft, reads: tuple[Read, ...], old: Catalog) -> None:
    """Choose it: the entry's own table, else the only one; on a side of the joins where no row of it is made up."""
    own = draft.way.source
    preserved = list(_preserved(draft.tree))
    labels = {f"{item.range_var.schemaname}.{item.range_var.relname}" for item, _ in preserved}
    candidates = [
        (item, old.tables[label])
        for item, kept in preserved
        if kept and (label := f"{item.range_var.schemaname}.{item.range_var.relname}") in old.tables
    ]
    chosen = next((each for each in candidates if each[1] is own), None)
    if chosen is None and own.label not in labels and len(candidates) == 1 == len(preserved):
        chosen = candidates[0]
    others = [read.label for read in reads if not read.system]
    if chosen is None:
        if own.label in labels:
            draft.whole = f"{own.label!r} is on the side of a join that may have no row"
        else:
            draft.whole = f"{own.label!r} is not in its FROM, or within a subquery"
        draft.reads = [label for label in dict.fromkeys(others) if label != own.label]
        return
    item, table = chosen
    draft.source = table
    draft.alias = item.range_var.alias.aliasname or item.range_var.relname
    if not item.range_var.HasField("alias"):
        item.range_var.alias.aliasname = draft.alias
        _unqualify(draft.tree, table)
    if table.only and item.range_var.inh:
        draft.whole = f"tables that inherit from {table.label!r} are read with it: write FROM ONLY"
    others.remove(table.label)
    draft.reads = list(dict.fromkeys(others))


def _preserved(tree: Any) -> Iterator[tuple[Any, bool]]:
    """Tables of the FROM, and whether each row of it that is in the result is there as it is."""
    stack = [(item, True) for item in reversed(tree.from_clause)]
    while stack:
        node, kept = stack.pop()
        kind = node.WhichOneof("node")
        if kind == "join_expr":
            join = enum_names("JoinType")[node.join_expr.jointype]
            stack.append((node.join_expr.rarg, kept and join in ("JOIN_INNER", "JOIN_RIGHT")))
            stack.append((node.join_expr.larg, kept and join in ("JOIN_INNER", "JOIN_LEFT")))
            continue
        if kind == "range_var" and node.range_var.schemaname:  # else the name of a query of WITH
            yield node, kept


def _unqualify(tree: Any, table: Table) -> None:
    """A table with an alias does not go by its schema any more."""
    for node in walk(tree):
        names = [field.string.sval for field in node.fields] if node.DESCRIPTOR.name == "ColumnRef" else []
        if len(names) == 3 and names[:2] == [table.schema, table.name]:
            del node.fields[0]


# -- its columns -----------------------------------------------------------------------------------------------------


def _has_star(tree: Any) -> bool:
    return any(
        field.WhichOneof("node") == "a_star"
        for target in tree.target_list
        if (reference := target.res_target.val).WhichOneof("node") == "column_ref"
        for field in reference.column_ref.fields
    ) or any(target.res_target.val.WhichOneof("node") == "a_indirection" for target in tree.target_list)


def _outputs(draft: Draft, findings: Findings) -> None:
    """Pair what the query gives with the columns of the target, as far as that is known before its types are."""
    assert draft.way.custom is not None
    target, names = draft.way.target, draft.way.custom.columns
    columns: list[Column] = []
    for name in names:
        if (column := target.column(name)) is None:
            known = [each.name for each in target.columns]
            _refuse(
                draft,
                findings,
                f"{target.label!r} of the new database has no column {name!r}",
                nearest(name, known, f"it has: {', '.join(known)}"),
            )
        elif column.generated:
            _refuse(draft, findings, f"column {name!r} of {target.label!r} is generated", "leave it out of the list")
        else:
            columns.append(column)
    if draft.broken:
        return
    if not names:
        columns = [column for column in target.columns if not column.generated]
    nodes = [each.res_target.val for each in draft.tree.target_list]
    if draft.fixed and (not nodes or _has_star(draft.tree)):  # how many it gives is the server's to say
        draft.outputs = [Output(column, number=number) for number, column in enumerate(columns)]
        return
    if len(nodes) > len(columns) or (names and len(nodes) != len(columns)):
        _refuse(draft, findings, f"the SELECT gives {len(nodes)} columns for {len(columns)} of {target.label!r}", None)
        return
    draft.outputs = [
        Output(
            column,
            None if draft.fixed else trees.copied(node),
            _plain(draft, node),
            trees.literal_text(node),
            number,
        )
        for number, (column, node) in enumerate(zip(columns, nodes, strict=False))
    ]


def _plain(draft: Draft, node: Any) -> str | None:
    """The driving table's column that it is and nothing more."""
    if node.WhichOneof("node") != "column_ref" or draft.whole is not None:
        return None
    names = trees.fields_of(node.column_ref)
    # A bare name may be another relation's, and a query of a FROM or a function may have any.
    alone = len(draft.tree.from_clause) == 1 and draft.tree.from_clause[0].WhichOneof("node") == "range_var"
    own = (len(names) == 1 and alone) or (len(names) == 2 and names[0] == draft.alias)
    return names[-1] if own and draft.source.column(names[-1]) is not None else None


def _refuse(draft: Draft, findings: Findings, message: str, hint: str | None) -> None:
    findings.error("map", draft.way.source.label, f"custom_sql: {message}", hint=hint, entry=draft.way.entry)
    draft.broken = True
