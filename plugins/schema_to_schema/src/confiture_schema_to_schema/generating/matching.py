"""What the differ says of names: which tables and columns are other ones now, and what it leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from confiture.hooks import DIFFER, INSPECTOR
from confiture.model import Decisions, ObjectKey, Question, Schema, SchemaObject
from confiture_schema_to_schema.generating.renaming import renamed

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context
    from confiture_schema_to_schema.values import Catalog

__all__ = ["Names", "match_names", "read_schema"]

#: The plugin that reads catalogs and compares them. [prefer] replaces it.
_CATALOG = "catalog"
#: What a map is about, and what speaks for a rename of it.
_KINDS = frozenset(
    ("schema", "table", "column", "constraint", "index", "default", "enum", "domain", "composite type", "attribute")
)
#: Each round renames at least one thing of a kind that the next one needs; a few are enough.
_ROUNDS = 50


#: New names (of tables their labels), and in brackets what speaks for each; best first.
Candidates = tuple[tuple[str, str], ...]


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """``tables``: the new label by the old one, of all that are still there. ``columns``: the new name by the old
    table's label and the old name; the same two for candidates. ``remarks``: what else the differ asks."""  # noqa: D205, D209

    tables: Mapping[str, str]
    columns: Mapping[tuple[str, str], str]
    table_candidates: Mapping[str, Candidates] = {}
    column_candidates: Mapping[tuple[str, str], Candidates] = {}
    remarks: tuple[str, ...] = ()


async def read_schema(ctx: Context, target: Target, catalog: Catalog) -> Schema:
    """The database's schema, as far as a map is about it: partitions and what is confiture's own are left out."""
    schema = await ctx.get(INSPECTOR, _CATALOG).inspect(ctx, target)
    known = {(table.schema, table.name) for table in catalog.tables.values()}
    foreign = {each.key for each in schema.objects if each.kind == "table" and (each.schema, each.name) not in known}
    kept = [
        each
        for each in schema.objects
        if each.kind in _KINDS and each.key not in foreign and each.parent not in foreign and not _of(each.parent)
    ]
    return Schema.of(kept, schema.server_version, schema.role)


def _of(parent: ObjectKey | None) -> bool:
    """Whether it is a part of something that no map is about."""
    return parent is not None and parent.kind not in _KINDS


async def match_names(ctx: Context, old: Schema, new: Schema, decisions: Decisions) -> Names:
    """Match round by round: columns are compared once their tables have one name on both sides.

    Raises ``UsageError`` for a decision about nothing.
    """
    differ = ctx.get(DIFFER, _CATALOG)
    current = old
    origin = {each.key: each.key for each in old.objects}
    for _ in range(_ROUNDS):
        matching = await differ.match(ctx, current, new, decisions)
        if not matching.renames:
            break
        current, keys = renamed(current, matching.renames)
        origin = {after: origin[before] for before, after in keys.items() if before in origin}
    found = _Found(old, new, origin)
    found.add_names(current)
    for question in matching.questions:
        found.add_question(question)
    return Names(
        tables=found.tables,
        columns=found.columns,
        table_candidates=found.table_candidates,
        column_candidates=found.column_candidates,
        remarks=tuple(found.remarks),
    )


class _Found:
    """``origin``: the key of the old schema by the one after all renames."""

    def __init__(self, old: Schema, new: Schema, origin: Mapping[ObjectKey, ObjectKey]) -> None:
        self._old = {each.key: each for each in old.objects}
        self._new = {each.key: each for each in new.objects}
        self._origin = origin
        self.tables: dict[str, str] = {}
        self.columns: dict[tuple[str, str], str] = {}
        self.table_candidates: dict[str, Candidates] = {}
        self.column_candidates: dict[tuple[str, str], Candidates] = {}
        self.remarks: list[str] = []

    def add_names(self, current: Schema) -> None:
        """What is on both sides by now."""
        for each in current.objects:
            if each.key not in self._new or each.key not in self._origin:
                continue
            before = self._old[self._origin[each.key]]
            if each.kind == "table":
                self.tables[_label(before)] = _label(each)
            elif (table := self._table(before)) is not None:
                self.columns[_label(table), before.name] = each.name

    def add_question(self, question: Question) -> None:
        """What may be, by what it is about."""
        before = self._old.get(self._origin.get(question.old, question.old))
        ways = [(self._new[each.new], each.evidence) for each in question.renames if each.new in self._new]
        if before is not None and before.kind == "table":
            self.table_candidates[_label(before)] = tuple((_label(new), _why(evidence)) for new, evidence in ways)
        elif before is not None and (table := self._table(before)) is not None:
            found = tuple((new.name, _why(evidence)) for new, evidence in ways)
            self.column_candidates[_label(table), before.name] = found
        elif question.old.kind != "constraint":
            listed = ", or ".join(each.new.identity + _why(each.evidence) for each in question.renames)
            self.remarks.append(f"{question.old.kind} {question.old.identity} is gone: it may be {listed}")

    def _table(self, column: SchemaObject) -> SchemaObject | None:
        """What a column of a table is a part of."""
        whole = column.parent if column.kind == "column" else None
        return self._old[whole] if whole is not None and whole.kind == "table" else None


def _label(table: SchemaObject) -> str:
    return f"{table.schema}.{table.name}"


def _why(evidence: tuple[str, ...]) -> str:
    return f" ({', '.join(evidence)})" if evidence else ""
