"""What rows are told apart by, and sets of rows: arrays as text, which only the server takes apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture.quoting import quote_ident
from confiture_sync.values import SyncTable

if TYPE_CHECKING:
    from confiture.masking.values import MaskColumn
    from confiture.protocols import Connection

__all__ = [
    "Index",
    "Key",
    "KeyColumn",
    "Rows",
    "as_text",
    "find_key",
    "is_indexed",
    "key_of",
    "listed",
    "part_of",
    "read_indexes",
    "unnested",
]

#: Indexes that answer a question about any row. ``columns`` ends before an expression, ``complete`` says whether
#: there is none. The columns of INCLUDE are no part of the key.
_INDEXES = """
SELECT i.indrelid::bigint AS oid, i.indisunique AS is_unique, i.indisprimary AS is_primary,
       NOT 0 = ANY (k.n) AS complete,
       ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(k.n) WITH ORDINALITY AS u(n, place)
               JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.n
              WHERE u.place < coalesce(pg_catalog.array_position(k.n, 0::int2) + 1, 100) ORDER BY u.place) AS columns
  FROM pg_catalog.pg_index i
  CROSS JOIN LATERAL (SELECT ARRAY(SELECT n FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS u(n, place)
                                    WHERE place <= i.indnkeyatts ORDER BY place) AS n) AS k
 WHERE i.indrelid = ANY ($1::oid[]) AND i.indisvalid AND i.indpred IS NULL
 ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid
"""


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """An index over all rows. ``columns`` ends before an expression; ``complete``: there is none."""

    is_unique: bool
    is_primary: bool
    complete: bool
    columns: tuple[str, ...]


class KeyColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a key. ``raw`` is SQL of it over the table by its own name, ``type`` that of the arrays' elements."""

    name: str
    raw: str
    type: str


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What the rows of a table are told apart by. ``place``: by where they are, which holds for one snapshot only."""

    columns: tuple[KeyColumn, ...]
    place: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' bare names."""
        return tuple(column.name for column in self.columns)

    @property
    def aliases(self) -> tuple[str, ...]:
        """How queries name the parts: ``k0``, ``k1``."""
        return tuple(f"k{number}" for number in range(len(self.columns)))


class Rows:
    """Rows of a table: all of them (``whole``), or those with the keys in ``arrays``, a text for each column of it.

    A million keys are one text of some megabytes: they never become objects of their own.
    """

    def __init__(self, key: Key, arrays: Sequence[str] = (), count: int = 0, *, whole: bool = False) -> None:
        self.key = key
        self.count = count
        self.whole = whole
        self._pieces: list[list[str]] = [[text] for text in arrays] or [[] for _ in key.columns]
        if not count:
            self._pieces = [[] for _ in key.columns]

    @property
    def arrays(self) -> tuple[str, ...]:
        """An array of PostgreSQL, as text, for each column of the key."""
        for pieces in self._pieces:
            if len(pieces) > 1:
                # The text of a one-dimensional array without the braces is a list, and lists can be joined.
                pieces[:] = ["{" + ",".join(piece[1:-1] for piece in pieces) + "}"]
        return tuple(pieces[0] if pieces else "{}" for pieces in self._pieces)

    def add(self, more: Rows) -> None:
        """Take in rows that are not in here yet."""
        if more.whole:
            self.whole, self.count = True, more.count
            self._pieces = [[] for _ in self._pieces]
        elif more.count and not self.whole:
            self.count += more.count
            for pieces, text in zip(self._pieces, more.arrays, strict=True):
                pieces.append(text)

    def copy(self) -> Rows:
        """The rows as they are now."""
        return Rows(self.key, self.arrays, self.count, whole=self.whole)

    def __bool__(self) -> bool:
        return self.whole or self.count > 0


async def read_indexes(connection: Connection, tables: Sequence[SyncTable]) -> Mapping[str, tuple[Index, ...]]:
    """The indexes of tables by their labels, the primary key first: valid ones without a condition."""
    labels = {table.oid: table.label for table in tables}
    found: dict[str, list[Index]] = {label: [] for label in labels.values()}
    for row in await connection.fetch(_INDEXES, list(labels)):
        index = Index(
            is_unique=row["is_unique"],
            is_primary=row["is_primary"],
            complete=row["complete"],
            columns=tuple(row["columns"]),
        )
        found[labels[row["oid"]]].append(index)
    return {label: tuple(indexes) for label, indexes in found.items()}


def is_indexed(columns: Sequence[str], indexes: Sequence[Index]) -> bool:
    """Whether an index finds rows by ``columns``: they are its first ones, in whatever order."""
    return any(set(index.columns[: len(columns)]) == set(columns) for index in indexes)


def find_key(table: SyncTable, indexes: Sequence[Index]) -> Key:
    """The primary key, else the shortest unique index without NULLs, else the row's place."""
    for index in indexes:
        columns = [table.mask.column(name) for name in index.columns]
        if not (index.is_unique and index.complete and columns):
            continue
        parts = [_part(table, column.name) for column in columns if column is not None and column.not_null]
        if len(parts) == len(columns):
            return Key(columns=tuple(parts))
    alias = quote_ident(table.mask.name)
    place = KeyColumn(name="ctid", raw=f"{alias}.ctid", type="pg_catalog.tid")
    if table.partitioned:
        partition = KeyColumn(name="tableoid", raw=f"{alias}.tableoid", type="pg_catalog.oid")
        return Key(columns=(partition, place), place=True)
    return Key(columns=(place,), place=True)


def as_text(column: MaskColumn) -> bool:
    """Whether lists hold the column's values as texts: unnest() goes into arrays of arrays, and into composites."""
    return column.type.category in ("A", "C")


def _part(table: SyncTable, name: str) -> KeyColumn:
    column = table.mask.column(name)
    assert column is not None
    raw = f"{quote_ident(table.mask.name)}.{quote_ident(name)}"
    if as_text(column):
        return KeyColumn(name=name, raw=f"{raw}::pg_catalog.text", type="pg_catalog.text")
    return KeyColumn(name=name, raw=f"{raw}::{column.type.sql}", type=column.type.sql)


def key_of(table: SyncTable, columns: Sequence[str]) -> Key:
    """Columns that are referenced, as a key: they may be NULL in some rows, which nobody references then."""
    return Key(columns=tuple(_part(table, name) for name in columns))


def unnested(key: Key, arrays: Sequence[str], alias: str) -> str:
    """An item for FROM: the keys in ``arrays``, SQL of the array's text for each column, as ``alias(k0, k1)``."""
    calls = [
        f"pg_catalog.unnest(({array})::pg_catalog.text::{column.type}[])"
        for column, array in zip(key.columns, arrays, strict=True)
    ]
    return f"ROWS FROM ({', '.join(calls)}) AS {alias}({', '.join(key.aliases)})"


def listed(key: Key, alias: str, *, order: str = "") -> str:
    """Outputs for SELECT: how many keys ``alias`` has, and the array's text for each column."""
    arrays = [f"pg_catalog.array_agg({alias}.{name}{order})::pg_catalog.text" for name in key.aliases]
    return ", ".join(["pg_catalog.count(*)", *arrays])


def part_of(table: SyncTable, key: Key, joined: Sequence[str], alias: str, *, when: str | None = None) -> str:
    """An item for FROM: the table's rows, ``k0``, ``k1`` being the key and ``j0``, ``j1`` the columns ``joined``.

    ``when`` is somebody's SQL over the raw row: nothing but the table's own names are in its reach.
    """
    name = quote_ident(table.mask.name)
    outputs = [f"{column.raw} AS {alias_}" for column, alias_ in zip(key.columns, key.aliases, strict=True)]
    outputs += [f"{name}.{quote_ident(column)} AS j{number}" for number, column in enumerate(joined)]
    only = "ONLY " if table.mask.only else ""
    where = f" WHERE ({when}\n)" if when is not None else ""
    return f"(SELECT {', '.join(outputs)} FROM {only}{table.sql} AS {name}{where}) AS {alias}"
