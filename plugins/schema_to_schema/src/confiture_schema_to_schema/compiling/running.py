"""The steps of compiling, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from confiture.quoting import quote_ident
from confiture_schema_to_schema.compiling import judging, trees
from confiture_schema_to_schema.compiling.custom import custom_draft
from confiture_schema_to_schema.compiling.fitting import final_tree, fit_drafts
from confiture_schema_to_schema.compiling.functions import read_functions
from confiture_schema_to_schema.compiling.merging import by_target, default_nodes, merge
from confiture_schema_to_schema.compiling.naming import Findings
from confiture_schema_to_schema.compiling.pieces import whole
from confiture_schema_to_schema.compiling.plain import plain_draft
from confiture_schema_to_schema.compiling.relations import read_relations
from confiture_schema_to_schema.compiling.ways import find_ways
from confiture_schema_to_schema.model import Finding
from confiture_schema_to_schema.values import Catalog, MigrationMap, Part, TargetTable

if TYPE_CHECKING:
    from confiture.protocols import Connection
    from confiture_schema_to_schema.compiling.drafts import Draft
    from confiture_schema_to_schema.compiling.types import Type
    from confiture_schema_to_schema.compiling.ways import Way

__all__ = ["compile_map"]


async def compile_map(
    source: Connection,
    target: Connection,
    old: Catalog,
    new: Catalog,
    map_: MigrationMap,
    tables: Sequence[str] = (),
) -> tuple[tuple[TargetTable, ...], tuple[Finding, ...]]:
    """Every table of the new database that something fills, and all that is wrong, not the first of it.

    Both connections only describe queries: types, functions and casts are PostgreSQL's own answers. ``tables`` are
    names, of the old or the new database, as people write them; (): all of them. What is an error: a table or column
    of the old schema that the new one lacks and the map neither takes nor drops; a NOT NULL column of the new one that
    nothing fills; types between which PostgreSQL has no assignment cast; names that are not there. Raises
    ``UsageError`` for a name of ``tables`` that is of neither database.
    """
    findings = Findings(map_.shown)
    ways, others = find_ways(old, new, map_, tables, findings)
    drafts, siblings = await _drafts(source, old, ways, others, findings)
    by_label = by_target(drafts)
    functions = await read_functions(source, [node for each in by_label.values() for node in default_nodes(each)])
    for each in by_label.values():
        if len(each) > 1:
            merge(each, functions, findings)
    judging.unmapped(drafts, siblings, findings)
    for draft in drafts:
        judging.unfilled(draft, findings)
    types = await fit_drafts(source, target, drafts, findings)
    parts = {id(draft): part for draft, part in zip(drafts, _parts(drafts, findings), strict=True) if part}
    found = []
    for label, each in sorted(by_label.items()):
        made = [parts[id(draft)] for draft in each if id(draft) in parts]
        if len(made) == len(each):
            found.append(_table(new, label, each, made, types))
        if len(each) > 1 and any(draft.way.entry is None for draft in each):
            _say_merged(label, each, findings)
    if not tables:
        for label in new.tables:
            if label not in by_label:
                findings.note(
                    "unfilled",
                    label,
                    f"nothing of the old database goes into {label!r}: it stays empty; a "
                    "rollback would lose what is written there after a cutover",
                )
    return tuple(found), findings.all()


async def _drafts(
    source: Connection, old: Catalog, ways: Sequence[Way], others: Sequence[Way], findings: Findings
) -> tuple[list[Draft], list[Draft]]:
    """Those of the ways, and those of ways from the same tables that are not copied now."""
    sources = {way.source.label for way in ways}
    relations = await read_relations(source, old)
    unheard = Findings(None)
    siblings = [plain_draft(way, old, relations, unheard) for way in others if way.source.label in sources]
    for draft in siblings:
        if draft.way.custom is not None:
            draft.handled = {column.name for column in draft.source.columns}
    plain = {
        number: plain_draft(way, old, relations, findings) for number, way in enumerate(ways) if way.custom is None
    }
    written = [node for draft in plain.values() for node in draft.written]
    written += [trees.select(way.custom.select) for way in ways if way.custom is not None]
    functions = await read_functions(source, written)
    drafts = [
        plain[number] if number in plain else custom_draft(way, old, relations, functions, findings)
        for number, way in enumerate(ways)
    ]
    for draft in drafts:
        draft.volatile = functions.volatile(draft.written)
        if draft.written and draft.way.custom is None:
            draft.whole = whole(draft.tree, functions)
    return drafts, siblings


def _parts(drafts: Sequence[Draft], findings: Findings) -> list[Part | None]:
    found: list[Part | None] = []
    for number, draft in enumerate(drafts):
        key = judging.key_of(draft, findings)
        if draft.volatile:
            findings.warning(
                "volatile",
                draft.way.target.label,
                f"{', '.join(draft.volatile)} in what fills {draft.way.target.label!r} from {draft.source.label!r}: "
                "it is another value each time, so that rows cannot be compared afterwards",
                hint="take a value of the row, or a constant; or leave the column to its default",
                entry=draft.way.entry,
            )
        if draft.broken:
            found.append(None)
            continue
        found.append(
            Part(
                number=number,
                target=draft.way.target.label,
                source=draft.source.label,
                alias=quote_ident(draft.alias),
                query=trees.text(final_tree(draft)),
                columns=tuple(output.column.name for output in draft.outputs),
                key=key,
                whole=draft.whole,
                lookups=tuple(draft.reads),
                binary=all(output.fitted is None or output.fitted.how != "text" for output in draft.outputs),
                complex=judging.is_complex(draft),
                volatile=draft.volatile,
                plain=judging.as_they_are(draft),
                map=draft.way.entry,
            )
        )
    return found


def _table(
    new: Catalog, label: str, drafts: Sequence[Draft], parts: Sequence[Part], types: Mapping[int, Type]
) -> TargetTable:
    table = new.tables[label]
    key = table.keys[0].columns if table.keys else ()
    return TargetTable(
        table=table,
        parts=tuple(parts),
        key=key,
        plain_key=judging.plain_key(key, drafts),
        texts={
            output.column.name: judging.text_of(drafts, output.column.name, types[output.column.oid])
            for output in drafts[0].outputs
        },
    )


def _say_merged(label: str, drafts: Sequence[Draft], findings: Findings) -> None:
    sources = ", ".join(repr(draft.source.label) for draft in drafts)
    findings.note(
        "merged",
        label,
        f"{label!r} takes the rows of {len(drafts)} tables: {sources}",
        hint="where its own name in the old database is not to be one of them, put that under 'drop'",
    )
