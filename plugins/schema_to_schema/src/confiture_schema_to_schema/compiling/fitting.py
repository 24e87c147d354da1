"""Each output of a draft brought to the type of its column, and the query as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from confiture_schema_to_schema.compiling import trees
from confiture_schema_to_schema.compiling.describing import NotDescribed, describe, describe_alone
from confiture_schema_to_schema.compiling.types import fit, read_casts, read_types, types_there

if TYPE_CHECKING:
    from confiture.protocols import Connection
    from confiture_schema_to_schema.compiling.drafts import Draft, Output
    from confiture_schema_to_schema.compiling.naming import Findings
    from confiture_schema_to_schema.compiling.types import Type

__all__ = ["final_tree", "fit_drafts"]


async def fit_drafts(
    source: Connection, target: Connection, drafts: Sequence[Draft], findings: Findings
) -> Mapping[int, Type]:
    """Describe what each draft gives and say how it gets to its columns. What fails is found, and its draft broken.

    The types of the target's columns, by OID.
    """
    given: dict[int, tuple[int, ...]] = {}
    for number, draft in enumerate(drafts):
        if not draft.broken and (oids := await _describe(source, draft, findings)) is not None:
            given[number] = oids
    old = await read_types(source, {oid for oids in given.values() for oid in oids})
    columns = {output.column.oid for number in given for output in drafts[number].outputs}
    new = await read_types(target, columns)
    there = await types_there(source, new.values())
    casts = await read_casts(source)
    for number, oids in given.items():
        draft = drafts[number]
        for output, oid in zip(draft.outputs, oids, strict=True):
            wanted = new[output.column.oid]
            output.given = old[oid]
            output.fitted = fit(old[oid], wanted, there.get(wanted.root.sql), casts, output.literal)
            if output.fitted is None:
                _unfit(draft, output, wanted, findings)
        if not draft.broken and _is_new(draft):
            await _describe_final(source, draft, findings)
    return new


async def _describe(source: Connection, draft: Draft, findings: Findings) -> tuple[int, ...] | None:
    if not draft.fixed and not draft.written and all(output.plain is not None for output in draft.outputs):
        columns = [draft.source.column(output.plain or "") for output in draft.outputs]
        return tuple(column.oid for column in columns if column is not None)
    if not draft.fixed:
        trees.set_outputs(draft.tree, (output.node for output in draft.outputs))
    try:
        oids = await describe(source, trees.text(draft.tree))
    except (NotDescribed, trees.SqlError) as error:
        await _refused(source, draft, error, findings)
        return None
    if draft.fixed:
        return _numbered(draft, oids, findings)
    return oids


async def _refused(source: Connection, draft: Draft, error: NotDescribed | trees.SqlError, findings: Findings) -> None:
    draft.broken = True
    where = "custom_sql" if draft.way.custom is not None else "the query as a whole"
    if isinstance(error, NotDescribed) and not draft.fixed:
        number = await describe_alone(source, draft.tree, [_cast(output, output.node) for output in draft.outputs])
        if number is not None:
            column = draft.outputs[number].column.name
            where = f"{where}: column {column!r}" if draft.way.custom is not None else f"what goes into {column!r}"
    findings.error("map", draft.source.label, f"{where}: {error.message}", hint=error.hint, entry=draft.way.entry)


def _numbered(draft: Draft, oids: Sequence[int], findings: Findings) -> tuple[int, ...] | None:
    """The types in the order of the outputs, of which a star may have given fewer than there are columns."""
    named = draft.way.custom is not None and draft.way.custom.columns
    if len(oids) > len(draft.outputs) or (named and len(oids) != len(draft.outputs)):
        label = draft.way.target.label
        message = f"custom_sql: the SELECT gives {len(oids)} columns for {len(draft.outputs)} of {label!r}"
        findings.error("map", draft.source.label, message, hint="name the columns on both sides", entry=draft.way.entry)
        draft.broken = True
        return None
    draft.outputs = [output for output in draft.outputs if output.number < len(oids)]
    return tuple(oids[output.number] for output in draft.outputs)


def _unfit(draft: Draft, output: Output, wanted: Type, findings: Findings) -> None:
    draft.broken = True
    what = (
        f"column {output.plain!r} of {draft.source.label!r}" if output.plain else f"{draft.source.label!r}: what goes"
    )
    given = output.given.sql if output.given is not None else ""
    target = f"{output.column.name!r} of {draft.way.target.label!r}, which is {wanted.sql}"
    verb = f" is {given}, and PostgreSQL does not assign that to" if output.plain else f" is {given}, and goes into"
    message = f"{what}{verb} {target}" if output.plain else f"{what} into {target}, is {given}"
    how = "write a transform that gives" if draft.way.custom is None else "cast it in custom_sql to"
    hint = f"{how} {wanted.root.sql}"
    findings.error("type", draft.way.target.label, message, hint=hint, entry=draft.way.entry)


# -- the query -------------------------------------------------------------------------------------------------------


def _is_new(draft: Draft) -> bool:
    """Whether the final query is another one than the server has seen, and may not be taken."""
    return any(output.literal is not None for output in draft.outputs)


async def _describe_final(source: Connection, draft: Draft, findings: Findings) -> None:
    tree = final_tree(draft)
    try:
        await describe(source, trees.text(tree))
    except (NotDescribed, trees.SqlError) as error:
        await _refused(source, draft, error, findings)


def final_tree(draft: Draft) -> Any:
    """The SELECT that gives the columns of the target as they have to travel."""
    if not draft.fixed:
        trees.set_outputs(draft.tree, (_cast(output, output.node) for output in draft.outputs))
        return draft.tree
    in_order = [output.number for output in draft.outputs] == list(range(len(draft.outputs)))
    if in_order and all(output.fitted is not None and output.fitted.how != "cast" for output in draft.outputs):
        return draft.tree
    names = [f"c{number + 1}" for number in range(len(draft.outputs))]
    nodes = [_cast(output, trees.column(trees.WRAPPED, names[output.number])) for output in draft.outputs]
    return trees.wrapped(draft.tree, names, nodes)


def _cast(output: Output, node: Any) -> Any:
    if output.fitted is not None and output.fitted.how == "cast":
        return trees.cast(node, output.fitted.type)
    return node
