"""All tables of the old database that something leads back to, and why others have no way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from confiture_schema_to_schema.reversing.composing import compose
from confiture_schema_to_schema.reversing.forward import Forward, read_forward
from confiture_schema_to_schema.reversing.inverting import typmods
from confiture_schema_to_schema.values import Catalog, Job, MigrationMap, Part, Sides, TargetTable

if TYPE_CHECKING:
    from confiture_schema_to_schema.values import Column, Table

__all__ = ["Reversed", "lost_tables", "only_tables", "reverse_job", "reverse_tables", "unfilled_tables"]

#: Types whose order is the same on every server.
_PLAIN_KEYS: Final = frozenset({"smallint", "integer", "bigint", "uuid"})


class Reversed(msgspec.Struct, frozen=True, kw_only=True):
    """The tables of the old database with the parts that fill them. ``reasons``: by the number of a part of the way
    there, why nothing leads back through it."""  # noqa: D205, D209

    tables: tuple[TargetTable, ...]
    reasons: Mapping[int, tuple[str, ...]]


def reverse_job(job: Job) -> tuple[Job, tuple[str, ...]]:
    """The job that brings what is written to the new database back to the old one, which is its target.

    Its parts are upserts: columns that the new database does not know keep their values. It has no plans: nothing of it
    is copied. Also a sentence for each reason why writes to a new table would be lost; the job has no parts for such.
    """
    found = reverse_tables(job.old, job.new, job.tables)
    targets = {part.number: part.target for table in job.tables for part in table.parts}
    sentences = tuple(
        dict.fromkeys(
            f"rollback loses writes since cutover in {targets[number]}: {why}"
            for number, reasons in sorted(found.reasons.items())
            for why in reasons
        )
    )
    back = msgspec.structs.replace(
        job,
        sides=Sides(source=job.sides.target, target=job.sides.source),
        map=MigrationMap(shown=job.map.shown),
        old=job.new,
        new=job.old,
        plans=(),
    )
    return only_tables(job, back, found.tables), sentences


def only_tables(job: Job, back: Job, tables: Sequence[TargetTable]) -> Job:
    """``back``, the way back of ``job``, with these tables alone: the others stay as they are."""
    followed = {table.label for table in tables}
    sources = {part.source for table in job.tables for part in table.parts}
    left = tuple(sorted(label for label in sources - followed if label in job.old.tables))
    return msgspec.structs.replace(back, tables=tuple(tables), left_behind=left)


def lost_tables(job: Job, back: Job) -> tuple[str, ...]:
    """Tables of the new database whose rows, all or some of them, do not come back by ``back``, in order."""
    followed = {table.label for table in back.tables}
    return tuple(table.label for table in job.tables if any(part.source not in followed for part in table.parts))


def unfilled_tables(job: Job) -> tuple[str, ...]:
    """Tables of the new database that no old one goes to, in order: what is written there has nowhere to go back to."""
    filled = {table.label for table in job.tables}
    return tuple(sorted(label for label, table in job.new.tables.items() if label not in filled and table.columns))


def reverse_tables(old: Catalog, new: Catalog, tables: Sequence[TargetTable]) -> Reversed:
    """``tables`` are all that is filled in the new database."""
    by_source: dict[str, list[Forward]] = {}
    by_target: dict[str, list[Forward]] = {}
    reasons: dict[int, tuple[str, ...]] = {}
    for table in tables:
        for part in table.parts:
            if part.source not in old.tables:
                reasons[part.number] = (f"{part.source} is no table of its own, so that nothing can be written to it",)
            else:
                forward = read_forward(part, old.tables[part.source], new.tables[part.target])
                by_source.setdefault(part.source, []).append(forward)
                by_target.setdefault(part.target, []).append(forward)
    found: list[TargetTable] = []
    for label, forwards in sorted(by_source.items()):
        beside = {
            each.part.number: [other for other in by_target[each.part.target] if other is not each] for each in forwards
        }
        composed = compose(old.tables[label], forwards, beside)
        reasons |= composed.reasons
        if composed.reasons:
            reasons |= _together(forwards, composed.reasons)
        if composed.parts:
            found.append(_table(old.tables[label], composed.parts, new))
    return Reversed(tables=tuple(found), reasons=reasons)


def _together(forwards: Sequence[Forward], reasons: Mapping[int, tuple[str, ...]]) -> dict[int, tuple[str, ...]]:
    """Why a part has no way back that would have one if it were alone."""
    names = ", ".join(dict.fromkeys(each.part.target for each in forwards if each.part.number in reasons))
    why = f"its rows and those of {names} are the same rows of {forwards[0].source.label}, and those have no way back"
    return {each.part.number: (why,) for each in forwards if each.part.number not in reasons}


def _table(table: Table, parts: Sequence[Part], new: Catalog) -> TargetTable:
    key = table.keys[0].columns if table.keys else ()
    return TargetTable(
        table=table,
        parts=tuple(parts),
        key=key,
        plain_key=bool(key)
        and all(
            name in part.plain and (column := table.column(name)) is not None and column.base in _PLAIN_KEYS
            for part in parts
            for name in key
        ),
        texts={
            name: _text(column, plain=all(name in part.plain for part in parts))
            for name in parts[0].columns
            if (column := table.column(name)) is not None
        },
    )


def _text(column: Column, *, plain: bool) -> str:
    """SQL over ``{}``, a value as the parts give it, whose text is that of what the column holds."""
    if plain or column.type == column.base or column.kind == "d" or "." in column.base or not typmods(column.type):
        return "{}"
    if column.max_length is not None:
        fits = f"pg_catalog.length(pg_catalog.rtrim(CAST({{}} AS text))) <= {column.max_length}"
        return f"CASE WHEN {fits} THEN CAST({{}} AS {column.type}) ELSE {{}} END"
    return f"CAST({{}} AS {column.type})"
