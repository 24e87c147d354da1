"""From what is known of both schemas to what the map says, and what it leaves to somebody to say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import msgspec

from confiture.errors import UsageError
from confiture_schema_to_schema.generating.casting import Misfit, Pair
from confiture_schema_to_schema.generating.matching import Names
from confiture_schema_to_schema.generating.naming import column_name, spellings, table_name
from confiture_schema_to_schema.values import Catalog, Table

__all__ = ["Draft", "Open", "TableDraft", "make_draft", "pairs_of"]

#: Stands where somebody has to write SQL; it is none, so that nobody leaves it there.
BLANK = "..."


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """Something to decide. ``lines``: keys and values that would decide it, one of them; no value in a list."""

    text: str
    lines: tuple[tuple[str, str | Mapping[str, str]], ...] = ()


class TableDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What is written for a table: names as they stand in the file. ``keyless``: the old one has no key."""

    source: str
    target: str | None = None
    columns: Mapping[str, str] = {}
    open_columns: tuple[Open, ...] = ()
    drop: tuple[str, ...] = ()
    open_drop: tuple[Open, ...] = ()
    open_defaults: tuple[Open, ...] = ()
    keyless: bool = False

    @property
    def empty(self) -> bool:
        """Whether nothing need be written."""
        return self == TableDraft(source=self.source)


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """The whole map. ``unfilled``: new tables that no old one goes to. ``remarks``: open, and about no table."""

    tables: tuple[TableDraft, ...] = ()
    drop: tuple[str, ...] = ()
    open_drop: tuple[Open, ...] = ()
    unfilled: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def open(self) -> tuple[str, ...]:
        """What somebody has to decide, each of it once."""
        inner = (
            each for table in self.tables for each in (*table.open_columns, *table.open_drop, *table.open_defaults)
        )
        return tuple(dict.fromkeys([*self.remarks, *(each.text for each in (*self.open_drop, *inner))]))

    @property
    def renames(self) -> int:
        """Of tables and of columns."""
        return sum((table.target is not None) + len(table.columns) for table in self.tables)


def pairs_of(old: Catalog, new: Catalog, names: Names) -> list[Pair]:
    """Columns that go from one table into the other, under whatever name."""
    found = []
    for label, target_label in sorted(names.tables.items()):
        source, target = old.tables[label], new.tables[target_label]
        for column in source.columns:
            other = target.column(names.columns.get((label, column.name), ""))
            if other is not None:
                found.append(Pair(source=source, old=column, target=target, new=other))
    return found


def make_draft(old: Catalog, new: Catalog, names: Names, misfits: Sequence[Misfit], drops: Sequence[str]) -> Draft:
    """What the file says. ``drops`` are names or patterns of what somebody does not take along.

    Raises ``UsageError`` for a drop of nothing.
    """
    dropping = _Drops(drops)
    drafter = _Drafter(old, new, names, misfits, dropping)
    tables = [drafter.table(label) for label in sorted(names.tables)]
    drop: list[str] = []
    open_drop: list[Open] = []
    for label in sorted(old.tables.keys() - names.tables.keys()):
        table = old.tables[label]
        if dropping.has(spellings(table, old)):
            drop.append(table_name(table, old))
        else:
            open_drop.append(drafter.gone_table(table))
    dropping.check()
    unfilled = sorted(new.tables.keys() - set(names.tables.values()))
    return Draft(
        tables=tuple(table for table in tables if not table.empty),
        drop=tuple(drop),
        open_drop=tuple(open_drop),
        unfilled=tuple(table_name(new.tables[label], new) for label in unfilled),
        remarks=names.remarks,
    )


class _Drops:
    """Names and patterns, and which of them were about nothing."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns
        self._used: set[str] = set()

    def has(self, names: Iterable[str]) -> bool:
        found = {pattern for pattern in self._patterns for name in names if fnmatchcase(name, pattern)}
        self._used |= found
        return bool(found)

    def check(self) -> None:
        for pattern in self._patterns:
            if pattern not in self._used:
                raise UsageError(
                    f"--drop {pattern!r}: nothing of that name is gone",
                    hint="name what the new schema has no more: a table, table.column, or a pattern with *",
                )


class _Drafter:
    def __init__(self, old: Catalog, new: Catalog, names: Names, misfits: Sequence[Misfit], dropping: _Drops) -> None:
        self._old, self._new, self._names, self._dropping = old, new, names, dropping
        self._misfits = misfits

    def table(self, label: str) -> TableDraft:
        """A table that goes on, under whatever name."""
        source, target = self._old.tables[label], self._new.tables[self._names.tables[label]]
        shown, new_shown = table_name(source, self._old), table_name(target, self._new)
        columns: dict[str, str] = {}
        drop: list[str] = []
        open_columns: list[Open] = []
        open_drop: list[Open] = []
        for column in source.columns:
            other = self._names.columns.get((label, column.name))
            written = column_name(column.name)
            if other is not None:
                if other != column.name:
                    columns[written] = column_name(other)
            elif self._dropping.has(spellings(source, self._old, column.name)):
                drop.append(written)
            else:
                candidate, gone = self._gone_column(source, column.name)
                open_columns += candidate
                open_drop.append(gone)
        open_columns += [self._misfit(each) for each in self._misfits if each.pair.source.label == label]
        return TableDraft(
            source=shown,
            target=new_shown if new_shown != shown else None,
            columns=columns,
            open_columns=tuple(open_columns),
            drop=tuple(drop),
            open_drop=tuple(open_drop),
            open_defaults=tuple(self._unfilled(source, target)),
            keyless=not source.keys,
        )

    def _gone_column(self, source: Table, name: str) -> tuple[list[Open], Open]:
        shown = f"{table_name(source, self._old)}.{column_name(name)}"
        ways = self._names.column_candidates.get((source.label, name), ())
        if not ways:
            new = ", ".join(self._new_columns(source)) or "none is new"
            text = f"{shown} is gone: drop it, or name below 'columns' the new column that takes it (there: {new})"
            return [], Open(text=text, lines=((column_name(name), ""),))
        listed = ", or ".join(f"{column_name(new)}{why}" for new, why in ways)
        text = f"{shown} is gone: it may be {listed}; or drop it"
        lines = tuple((column_name(name), column_name(new)) for new, _ in ways)
        return [Open(text=text, lines=lines)], Open(text=text, lines=((column_name(name), ""),))

    def _new_columns(self, source: Table) -> Iterable[str]:
        """Those of the new table that no old column goes to."""
        target = self._new.tables[self._names.tables[source.label]]
        filled = {self._names.columns.get((source.label, column.name)) for column in source.columns}
        left = (column for column in target.columns if column.name not in filled and not column.generated)
        return (column_name(column.name) for column in left)

    def _misfit(self, misfit: Misfit) -> Open:
        pair = misfit.pair
        shown = f"{table_name(pair.source, self._old)}.{column_name(pair.old.name)}"
        line = {"target": column_name(pair.new.name), "transform": misfit.transform}
        instead = "" if pair.old.name == pair.new.name else ", in the place of the line above"
        return Open(
            text=f"{shown}: {misfit.why}; write a transform{instead}", lines=((column_name(pair.old.name), line),)
        )

    def _unfilled(self, source: Table, target: Table) -> Iterable[Open]:
        filled = {self._names.columns.get((source.label, column.name)) for column in source.columns}
        for column in target.columns:
            if column.name in filled or not column.not_null or column.filled_by_itself:
                continue
            shown = f"{table_name(target, self._new)}.{column_name(column.name)}"
            text = f"{shown} ({column.type}) is new, NOT NULL, and has no default: write SQL that gives its values"
            yield Open(text=text, lines=((column_name(column.name), BLANK),))

    def gone_table(self, table: Table) -> Open:
        """A table that the new schema has not."""
        name = table_name(table, self._old)
        ways = self._names.table_candidates.get(table.label, ())
        if not ways:
            text = f"{name} is gone: drop it, or write below 'tables' which new table takes its rows"
        else:
            new = [(table_name(self._new.tables[label], self._new), why) for label, why in ways]
            listed = ", or ".join(f"{target}{why}" for target, why in new)
            text = (
                f"{name} is gone: it may be {listed}; or drop it. Compare its columns too: --rename {name}={new[0][0]}"
            )
        return Open(text=text, lines=((name, ""),))
