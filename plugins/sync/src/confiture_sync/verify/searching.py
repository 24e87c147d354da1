"""Looks for originals in the target: its values' pieces come as hashes, and are compared here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from confiture.quoting import quote_ident
from confiture_sync.verify.counting import target_rows
from confiture_sync.verify.originals import (
    PHRASE,
    STRONG,
    Column,
    Original,
    Originals,
    cut,
    has_row_key,
    in_sample,
    row_key_sql,
)
from confiture_sync.verify.pieces import is_looked_at, pieces_sql

if TYPE_CHECKING:
    from confiture.protocols import Connection
    from confiture_sync.values import TablePlan

__all__ = ["Found", "Place", "Search"]

#: Rows of a table that are searched, besides those whose originals were taken.
_ROWS = 20_000
_LINKED_ROWS = 5_000
_BATCH = 1_000
#: A phrase of more rows than this says little about one of them.
_RARE = 3
_CURSOR = "confiture_pieces"
#: pg_type's category. Their many pieces are made only where a date is among what is looked for.
_DATES = "D"


class Place:
    """A column of the target that is searched."""

    def __init__(self, plan: TablePlan, name: str, type_: str, category: str) -> None:
        self.plan = plan
        self.name = name
        self.label = f"{plan.label}.{name}"
        self.lexemes = type_ == "tsvector"
        self.numbers = category in "ND"


class Found:
    """What of a column's originals is in a place: different ones by class, and rows that have their own."""

    def __init__(self) -> None:
        self.originals: dict[int, set[int]] = {}
        self.own_rows: dict[int, int] = {}


class Search:
    """Goes through the tables. ``found`` is by column and place, ``rows`` by table, ``linked`` by column."""

    def __init__(self, originals: Originals) -> None:
        self.originals = originals
        self.found: dict[tuple[Column, Place], Found] = {}
        self.rows = 0
        self.places = 0
        self.linked: dict[Column, int] = dict.fromkeys(originals.columns, 0)
        self._dates = any(column.category == _DATES for column in originals.columns)
        self._of_table: dict[str, list[Column]] = {}
        for column in originals.columns:
            self._of_table.setdefault(column.plan.label, []).append(column)

    async def go_through(self, target: Connection, plan: TablePlan, rows: int) -> None:
        """One table of ``rows`` rows: all of them, or a sample."""
        places = [
            Place(plan, column.name, column.type.name, column.type.category)
            for column in plan.target.columns
            if is_looked_at(column.type.name, column.type.category) and (self._dates or column.type.category != _DATES)
        ]
        if not places:
            return
        self.places += len(places)
        await target.execute(f"DECLARE {_CURSOR} NO SCROLL CURSOR FOR {_query(plan, places, rows)}")
        while batch := await target.fetch(f"FETCH {_BATCH} FROM {_CURSOR}"):
            for row in batch:
                self._look(plan, places, row)
        await target.execute(f"CLOSE {_CURSOR}")

    def _look(self, plan: TablePlan, places: list[Place], row: tuple[bytes | None, ...]) -> None:
        self.rows += 1
        key = row[0]
        for column in self._of_table.get(plan.label, ()):
            self.linked[column] += key in column.keys
        for place, blob in zip(places, row[1:], strict=True):
            if not blob:
                continue
            pieces = set(cut(blob))
            for original in _contained(self.originals.whole, pieces):
                self._note(original, place, key)
            if place.lexemes:
                for original in _contained(self.originals.stems, pieces):
                    self._note(original, place, key, stems=True)

    def _note(self, original: Original, place: Place, key: bytes | None, *, stems: bool = False) -> None:
        for column, owners in original.owners.items():
            found = self.found.get((column, place))
            if found is None:
                found = self.found[column, place] = Found()
            if key in owners:
                found.own_rows[original.class_] = found.own_rows.get(original.class_, 0) + 1
            if not stems and (original.class_ == STRONG or (original.class_ == PHRASE and len(owners) <= _RARE)):
                found.originals.setdefault(original.class_, set()).add(id(original))


def _contained(index: dict[bytes, list[Original]], pieces: set[bytes]) -> Iterator[Original]:
    for piece in pieces & index.keys():
        for original in index[piece]:
            if original.pieces <= pieces:
                yield original


def _query(plan: TablePlan, places: list[Place], rows: int) -> str:
    own = quote_ident(plan.target.name)
    key = "NULL::bytea"
    if has_row_key(plan):
        key = row_key_sql(plan.label, [f"{own}.{quote_ident(name)}" for name in plan.table.mask.primary_key])
    outputs = [key]
    outputs += [pieces_sql(f"{own}.{quote_ident(place.name)}::text", stems=place.lexemes) for place in places]
    linked, more = in_sample(plan, rows, _LINKED_ROWS), in_sample(plan, rows, _ROWS, seed=1)
    return f"SELECT {', '.join(outputs)} FROM {target_rows(plan)} WHERE {more} OR {linked}"
