"""The rows that are chosen so far, and the queries that find what else they need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from confiture.errors import ConfigError, ConfitureError, ExecutionError, Refused, UsageError
from confiture.model import Progress
from confiture_sync.subset.edges import Step, grouped
from confiture_sync.subset.keys import Key, Rows, listed, part_of, unnested
from confiture_sync.subset.recursing import recursive_query
from confiture_sync.subset.seeds import Seed, ids_condition, sample_condition, split_ids
from confiture_sync.values import SyncTable

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["STEP", "Worklist"]

#: The name that progress is told under.
STEP = "sync.subset"
#: A circle that takes more rounds is left to the server: a long chain has few rows in each, and a round sends all keys
#: that are known.
_ROUNDS = 12


class Worklist:
    """Rows by table. All queries run in ``connection``, one after the other, in the snapshot that it has."""

    def __init__(
        self,
        ctx: Context,
        connection: Connection,
        tables: Mapping[str, SyncTable],
        keys: Mapping[str, Key],
        *,
        collations: Mapping[tuple[str, str], str],
        max_rows: int | None,
        file: str | None,
    ) -> None:
        self.rows = {label: Rows(key) for label, key in keys.items()}
        self._ctx = ctx
        self._connection = connection
        self.tables = tables
        self._keys = keys
        self._collations = collations
        self._max_rows = max_rows
        self._file = file

    @property
    def total(self) -> int:
        """All rows."""
        return sum(rows.count for rows in self.rows.values())

    async def take_whole(self, label: str) -> None:
        """Take a table as it is. It is counted where that matters, and no further than it does."""
        table = self.tables[label]
        count = 0
        if self._max_rows is not None:
            only = "ONLY " if table.mask.only else ""
            left = self._max_rows - self.total + self.rows[label].count + 1
            count = await self._connection.fetchval(
                f"SELECT pg_catalog.count(*) FROM (SELECT FROM {only}{table.sql} LIMIT $1) AS t", max(left, 1)
            )
        self._add(label, Rows(self._keys[label], count=count, whole=True))

    async def seed(self, label: str, seed: Seed) -> int:
        """Take the rows of a seed. How many of its ids are not there. Raises ``UsageError`` or ``ConfigError``."""
        if seed.whole:
            await self.take_whole(label)
            return 0
        table, key = self.tables[label], self._keys[label]
        if seed.chooses:
            # Twice in parentheses: "a) OR (b" is one expression too.
            conditions = [f"(({seed.where}\n))"] if seed.where is not None else []
            if seed.percent is not None:
                conditions.append(sample_condition(table, key, seed.percent))
            with_condition = part_of(table, key, (), "b", when=" AND ".join(conditions))
            async with self._own_words(f"the seed of {label!r} cannot be read", seed.file):
                self._add(label, await self._find(key, with_condition, (), label))
        if not seed.ids:
            return 0
        values = split_ids(seed, table, key)
        part = part_of(table, key, (), "b", when=ids_condition(key))
        async with self._own_words(f"the ids of {label!r} cannot be read", seed.file):
            sql = f"SELECT {listed(key, 'b')} FROM {part}"
            there = _rows(key, await self._connection.fetchrow(sql, *values))
            self._add(label, await self._find(key, part, values, label))
        return max(len(set(zip(*values, strict=True))) - there.count, 0)

    async def spread(self, steps: Sequence[Step]) -> None:
        """Follow ``steps`` from all rows that are here, until no new ones are found."""
        for group, inner, outer in grouped(steps):
            if inner:
                await self._round_and_round(group, inner)
            for step in outer:
                self._add(step.dest, await self._follow(step, self.rows[step.source]))

    async def project(self, label: str, columns: Key) -> Rows:
        """The values of other ``columns`` of the rows that are chosen of a table, without NULLs, in order."""
        table, key, rows = self.tables[label], self._keys[label], self.rows[label]
        known = unnested(key, [f"${number + 1}" for number in range(len(key.columns))], "u")
        on = " AND ".join(f"b.{name} = u.{name}" for name in key.aliases)
        names = columns.aliases
        picked = ", ".join(f"b.j{number} AS {name}" for number, name in enumerate(names))
        full = " AND ".join(f"b.j{number} IS NOT NULL" for number in range(len(names)))
        order = " ORDER BY " + ", ".join(f"d.{name}" for name in names)
        sql = (
            f"SELECT {listed(columns, 'd', order=order)} FROM (SELECT {picked} FROM {known} "
            f"JOIN {part_of(table, key, columns.names, 'b')} ON {on} WHERE {full}) AS d"
        )
        return _rows(columns, await self._connection.fetchrow(sql, *rows.arrays))

    async def sort(self, rows: Rows) -> Rows:
        """The same rows with their keys in order: equal sets have equal texts then."""
        numbers = [f"${number + 1}" for number in range(len(rows.key.columns))]
        order = " ORDER BY " + ", ".join(f"u.{name}" for name in rows.key.aliases)
        sql = f"SELECT {listed(rows.key, 'u', order=order)} FROM {unnested(rows.key, numbers, 'u')}"
        return _rows(rows.key, await self._connection.fetchrow(sql, *rows.arrays))

    async def _round_and_round(self, group: frozenset[str], steps: Sequence[Step]) -> None:
        frontier = {label: self.rows[label].copy() for label in group}
        for _ in range(_ROUNDS):
            found: dict[str, Rows] = {label: Rows(self._keys[label]) for label in group}
            for step in steps:
                if frontier[step.source]:
                    new = await self._follow(step, frontier[step.source])
                    self._add(step.dest, new)
                    found[step.dest].add(new)
            frontier = found
            if not any(frontier.values()):
                return
        found_all = await self._recurse(sorted(group), steps, frontier)
        for label, new in found_all.items():
            self._add(label, new)

    async def _recurse(
        self, labels: Sequence[str], steps: Sequence[Step], frontier: Mapping[str, Rows]
    ) -> Mapping[str, Rows]:
        """All that the frontier needs within its circle, in one query."""
        known = {label: self.rows[label] for label in labels}
        starts = {label: rows for label, rows in frontier.items() if rows}
        sql, values = recursive_query(
            self.tables, self._keys, labels, starts, known, [(step, self._join(step)) for step in steps], self._limit()
        )
        found = await self._connection.fetch(sql, *values)
        return {
            labels[row[0]]: _rows(self._keys[labels[row[0]]], row[1:])
            for row in found
            if not known[labels[row[0]]].whole
        }

    async def _follow(self, step: Step, frontier: Rows) -> Rows:
        """The rows of ``step.dest`` that are not here yet, and that a row of ``frontier`` leads to."""
        key = self._keys[step.dest]
        if self.rows[step.dest].whole or not frontier:
            return Rows(key)
        source, dest = step.columns
        tables = self.tables
        when = step.key.when
        a = part_of(tables[step.source], frontier.key, source, "a", when=None if step.down else when)
        b = part_of(tables[step.dest], key, dest, "b", when=when if step.down else None)
        on = self._join(step)
        values: tuple[str, ...] = ()
        if frontier.whole:
            text = f"{a} JOIN {b} ON {on}"
        else:
            values = frontier.arrays
            known = unnested(frontier.key, [f"${number + 1}" for number in range(len(values))], "u")
            same = " AND ".join(f"a.{name} = u.{name}" for name in frontier.key.aliases)
            text = f"{known} JOIN {a} ON {same} JOIN {b} ON {on}"
        what = f"{step.key.label!r} cannot be followed to {step.key.parent!r}"
        async with self._own_words(what, self._file if step.key.virtual else None, ours=not step.key.virtual):
            return await self._find(key, text, values, step.dest)

    def _join(self, step: Step) -> str:
        """The condition that the rows ``a`` lead to the rows ``b``."""
        pairs = []
        for number, (own, other) in enumerate(zip(step.key.columns, step.key.parent_columns, strict=True)):
            child, parent = (f"b.j{number}", f"a.j{number}") if step.down else (f"a.j{number}", f"b.j{number}")
            # Two collations that differ make "=" ambiguous. Of a foreign key it is the parent's that counts.
            collation = self._collations.get((step.key.parent, other))
            if collation and collation != self._collations.get((step.key.table, own), collation):
                child += f" COLLATE {collation}"
            pairs.append(f"{parent} = {child}")
        return " AND ".join(pairs)

    async def _find(self, key: Key, text: str, values: Sequence[Any], label: str) -> Rows:
        """The rows ``b`` of ``text`` that are not chosen yet, each once."""
        chosen = self.rows[label]
        outputs = ", ".join(f"b.{name}" for name in key.aliases)
        new = ""
        if chosen:
            numbers = [f"${len(values) + number + 1}" for number in range(len(key.columns))]
            same = " AND ".join(f"s.{name} = b.{name}" for name in key.aliases)
            new = f" WHERE NOT EXISTS (SELECT FROM {unnested(key, numbers, 's')} WHERE {same})"
            values = (*values, *chosen.arrays)
        limit = self._limit()
        rest = "" if limit is None else f" LIMIT {limit}"
        sql = f"SELECT {listed(key, 'd')} FROM (SELECT DISTINCT {outputs} FROM {text}{new}{rest}) AS d"
        return _rows(key, await self._connection.fetchrow(sql, *values))

    def _limit(self) -> int | None:
        """More rows than these need not be found: there are too many then."""
        return None if self._max_rows is None else max(self._max_rows - self.total + 1, 1)

    def _add(self, label: str, new: Rows) -> None:
        self.rows[label].add(new)
        self._ctx.emit(Progress(step=STEP, done=self.total, unit="rows"))
        if self._max_rows is not None and self.total > self._max_rows:
            counts = sorted(((rows.count, label) for label, rows in self.rows.items() if rows.count), reverse=True)
            raise Refused(
                f"more than {self._max_rows:,} rows would be copied; so far there are "
                + ", ".join(f"{count:,} of {label}" for count, label in counts),
                hint="choose fewer rows, --cut a nullable foreign key that pulls them in, or raise --max-rows",
            )

    @asynccontextmanager
    async def _own_words(self, what: str, file: str | None, *, ours: bool = False) -> AsyncIterator[None]:
        """What the server says of somebody's SQL. Its words may hold a value, where they are not about names."""
        import asyncpg

        failure: ConfitureError
        try:
            yield
        except asyncpg.PostgresError as error:
            state = error.sqlstate or ""
            if state[:2] not in ("21", "22", "23", "42"):
                raise
            said = error.message if state.startswith("42") else f"{type(error).__name__} in a row"
            if ours:
                failure = ExecutionError(f"{what}: {said}", sqlstate=state)
            elif file is None:
                failure = UsageError(f"{what}: {said}", hint="it is SQL over the columns of the source's table")
            else:
                failure = ConfigError(f"{what}: {said}", file=file, hint="it is SQL over the columns of the source")
        else:
            return
        raise failure from None  # out of the handler: the driver's error holds the value


def _rows(key: Key, found: Sequence[Any]) -> Rows:
    count, *arrays = found[: len(key.columns) + 1]
    return Rows(key, [text or "{}" for text in arrays], count)
