"""What a draft leaves out, and what validation has to compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from confiture_schema_to_schema.compiling.naming import find_column, nearest

if TYPE_CHECKING:
    from confiture_schema_to_schema.compiling.drafts import Draft
    from confiture_schema_to_schema.compiling.naming import Findings
    from confiture_schema_to_schema.compiling.types import Type

__all__ = ["as_they_are", "is_complex", "key_of", "plain_key", "text_of", "unfilled", "unmapped"]

#: Types whose order and whose text is the same on every server.
_PLAIN_KEYS: Final = frozenset(
    {"smallint", "integer", "bigint", "uuid", "numeric", "date", "oid", "bytea"}
    | {"timestamp without time zone", "timestamp with time zone"}
)


def unmapped(drafts: Sequence[Draft], siblings: Sequence[Draft], findings: Findings) -> None:
    """Columns of the old tables that no way takes up and none drops. ``siblings`` are ways that are not copied now."""
    handled: dict[str, set[str]] = {}
    for draft in (*drafts, *siblings):
        handled.setdefault(draft.way.source.label, set()).update(draft.handled)
    for draft in drafts:
        source, target = draft.way.source, draft.way.target
        for column in source.columns:
            if column.name in handled[source.label]:
                continue
            handled[source.label].add(column.name)
            same = target.column(column.name)
            free = [each.name for each in target.columns if draft.output(each.name) is None and not each.generated]
            lacks = "has no such column" if same is None else f"gets its {column.name!r} from elsewhere"
            findings.error(
                "unmapped",
                source.label,
                f"column {column.name!r} of {source.label!r} is lost: {target.label!r} {lacks}, and the map neither "
                "takes nor drops it",
                hint=nearest(column.name, free, "name it under 'columns' or 'drop' in the map").replace(
                    "did you mean", "is it now"
                ),
                entry=draft.way.entry,
            )


def unfilled(draft: Draft, findings: Findings) -> None:
    """Columns of the new table that must have a value, and get none."""
    for column in draft.way.target.columns:
        if column.not_null and not column.filled_by_itself and draft.output(column.name) is None:
            draft.broken = True
            findings.error(
                "unfilled",
                draft.way.target.label,
                f"column {column.name!r} of {draft.way.target.label!r} is NOT NULL without a default, and nothing from "
                f"{draft.way.source.label!r} fills it",
                hint="say in the map which old column it is, or what it gets under 'defaults'",
                entry=draft.way.entry,
            )


def key_of(draft: Draft, findings: Findings) -> tuple[str, ...]:
    """The driving key: what the map says, else the primary key, else another one."""
    keys = draft.source.keys
    written = draft.way.entry.key if draft.way.entry is not None else ()
    if not written:
        return keys[0].columns if keys and draft.whole is None else ()
    columns = [find_column(draft.source, name) for name in written]
    names = {column.name for column in columns if column is not None}
    for key in keys:
        if None not in columns and set(key.columns) == names and len(columns) == len(key.columns):
            return key.columns if draft.whole is None else ()
    there = "; ".join(", ".join(key.columns) for key in keys)
    findings.error(
        "key",
        draft.source.label,
        f"'key': ({', '.join(written)}) is no key of {draft.source.label!r}: unique, NOT NULL, with an index over all "
        "rows that is checked at once",
        hint=f"its keys are: {there}" if there else "leave it out: the table has no key",
        entry=draft.way.entry,
    )
    return ()


def is_complex(draft: Draft) -> bool:
    """Whether it does more than take columns."""
    return bool(
        draft.whole is not None
        or draft.reads
        or draft.tree.HasField("where_clause")
        or any(output.plain is None for output in draft.outputs)
    )


# -- for validation --------------------------------------------------------------------------------------------------


def plain_key(key: Sequence[str], drafts: Sequence[Draft]) -> bool:
    """Whether the new table's key is columns of each driving table, whose order is the same on every server."""
    return bool(key) and all(draft.whole is None and all(_orders(draft, name) for name in key) for draft in drafts)


def _orders(draft: Draft, name: str) -> bool:
    output = draft.output(name)
    return output is not None and _same_type(draft, name) and output.column.base in _PLAIN_KEYS


def as_they_are(draft: Draft) -> dict[str, str]:
    """By column of the new table, the driving table's column that it is, with the same type."""
    return {
        output.column.name: output.plain
        for output in draft.outputs
        if output.plain is not None and _same_type(draft, output.column.name)
    }


def text_of(drafts: Sequence[Draft], name: str, wanted: Type) -> str:
    """SQL over ``{}``, a value as the parts give it, whose text is that of what the column holds."""
    outputs = [output for draft in drafts if (output := draft.output(name)) is not None]
    column = outputs[0].column
    if all(_same_type(draft, name) for draft in drafts):
        return "{}"
    if not wanted.built_in or any(output.fitted is not None and output.fitted.how == "text" for output in outputs):
        return "{}"
    modified = wanted.modified if wanted.base is not None else column.type if column.type != column.base else None
    if modified is None:
        return "{}"
    if column.max_length is not None:
        # An assignment cuts blanks off, and nothing else: a longer value must not be taken for its beginning.
        fits = f"pg_catalog.length(pg_catalog.rtrim(CAST({{}} AS text))) <= {column.max_length}"
        return f"CASE WHEN {fits} THEN CAST({{}} AS {modified}) ELSE {{}} END"
    return f"CAST({{}} AS {modified})"


def _same_type(draft: Draft, name: str) -> bool:
    output = draft.output(name)
    old = draft.source.column(output.plain) if output is not None and output.plain is not None else None
    return old is not None and output is not None and old.type == output.column.type
