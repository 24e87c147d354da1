"""What the masked columns held: hashes of some of their values, made on the source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from confiture.quoting import quote_ident, quote_literal
from confiture.transfer import set_local
from confiture_sync.verify.counting import set_selection
from confiture_sync.verify.pieces import HASH_BYTES, class_sql, hash_sql, is_looked_at, original_sql

if TYPE_CHECKING:
    from confiture.protocols import Connection
    from confiture_sync.values import Job, TablePlan

__all__ = ["Column", "Original", "Originals", "in_sample", "place_sql", "row_key_sql", "sampled_columns"]

#: Rows of a table whose values are looked for; of all tables together, so many values.
_ROWS, _VALUES = 5_000, 100_000
#: Documents of which a rule changes parts: what is left of them is meant to be.
_PARTIAL = frozenset({"json", "regex"})
#: A shorter value may be within its mask by chance.
_WITHIN = 5
STRONG, PHRASE, WORD = 3, 2, 1


class Column:
    """A masked column: how many rows and values of it were looked at, and how many still hold their original.

    ``classes`` counts its different originals by how telling they are, ``same`` the rows whose masked value, on the
    source, has the whole original in it.
    """

    def __init__(self, plan: TablePlan, name: str) -> None:
        self.plan = plan
        self.name = name
        self.label = f"{plan.label}.{name}"
        self.rows = 0
        self.classes = {STRONG: 0, PHRASE: 0, WORD: 0}
        self.same = {STRONG: 0, PHRASE: 0, WORD: 0}
        self.keys: set[bytes] = set()

    @property
    def category(self) -> str:
        """Of its type."""
        found = self.plan.table.mask.column(self.name)
        return "" if found is None else found.type.category

    @property
    def kind(self) -> str:
        """Of its rule."""
        return self.plan.rules[self.name].kind


class Original:
    """A value: its pieces, how telling it is, and the rows (by their hashed keys) that had it, by column."""

    __slots__ = ("class_", "owners", "pieces")

    def __init__(self, pieces: frozenset[bytes], class_: int) -> None:
        self.pieces = pieces
        self.class_ = class_
        self.owners: dict[Column, set[bytes]] = {}


class Originals:
    """All that were taken. ``whole`` and ``stems`` find them by one of their pieces."""

    def __init__(self) -> None:
        self.columns: list[Column] = []
        self.whole: dict[bytes, list[Original]] = {}
        self.stems: dict[bytes, list[Original]] = {}
        self._known: dict[tuple[bool, frozenset[bytes]], Original] = {}

    def add(self, column: Column, blob: bytes | None, class_: int, key: bytes | None, *, stems: bool = False) -> None:
        """A value of ``column`` in the row ``key``."""
        if not blob or not class_:
            return
        pieces = frozenset(cut(blob))
        original = self._known.get((stems, pieces))
        if original is None:
            original = self._known[stems, pieces] = Original(pieces, class_)
            (self.stems if stems else self.whole).setdefault(min(pieces), []).append(original)
        if column not in original.owners:
            original.owners[column] = set()
            if not stems:
                column.classes[class_] += 1
        if key is not None:
            original.owners[column].add(key)
            column.keys.add(key)

    async def take(self, source: Connection, job: Job, plan: TablePlan, rows: int, share: int) -> None:
        """Those of a table. ``rows`` are those that it has, ``share`` the masked columns of all tables."""
        names = sampled_columns(plan)
        if not names:
            return
        wanted = max(min(_ROWS, _VALUES // max(share, 1)), 100)
        await set_selection(source, plan)
        await set_local(source, job.key.settings)
        columns = [Column(plan, name) for name in names]
        self.columns += columns
        for row in await source.fetch(_query(plan, names, in_sample(plan, rows, wanted), wanted * 2)):
            for n, column in enumerate(columns):
                class_ = row[f"c{n}"]
                if not class_:
                    continue
                column.rows += 1
                # Too short to be looked for elsewhere, its own place is looked at all the same.
                column.same[class_ if row[f"o{n}"] else WORD] += row[f"s{n}"]
                if not row[f"o{n}"]:
                    continue
                self.add(column, row[f"o{n}"], class_, row["key"])
                self.add(column, row[f"d{n}"], class_, row["key"])
                self.add(column, row[f"l{n}"], row[f"m{n}"], row["key"])
                self.add(column, row[f"t{n}"], WORD, row["key"], stems=True)


def cut(blob: bytes) -> Iterable[bytes]:
    """The hashes of which it is put together."""
    return (blob[i : i + HASH_BYTES] for i in range(0, len(blob), HASH_BYTES))


def sampled_columns(plan: TablePlan) -> list[str]:
    """The masked columns whose values are looked for."""
    known = {column.name: column for column in plan.table.mask.columns}
    return [
        name
        for name, rule in plan.rules.items()
        if rule.kind != "keep"
        and rule.kind not in _PARTIAL
        and name in known
        and is_looked_at(known[name].type.name, known[name].type.category)
    ]


def place_sql(table: str, key: Sequence[str]) -> str:
    """SQL of a text that is a row's own: its key, or where it lies."""
    own = quote_ident(table)
    if not key:
        return f"{own}.ctid::text"
    return " || ' ' || ".join(f"{own}.{quote_ident(name)}::text" for name in key)


def in_sample(plan: TablePlan, rows: int, wanted: int, *, seed: int = 0) -> str:
    """SQL of whether a row is one of about ``wanted``: the same rows on both sides where the key is not masked."""
    every = max(rows // wanted, 1)
    if every == 1:
        return "true"
    place = place_sql(plan.table.mask.name, plan.table.mask.primary_key)
    return f"pg_catalog.hashtextextended({place}, {seed}) % {every} = 0"


def row_key_sql(label: str, values: Sequence[str]) -> str:
    """SQL of the hash of a row's key, from SQL of its parts."""
    parts = " || ".join(f"octet_length({value}::text) || ':' || {value}::text" for value in values)
    return hash_sql(f"({quote_literal(f'row {label} ')} || {parts})")


def has_row_key(plan: TablePlan) -> bool:
    """Whether source and target can tell that a row is the same one: there is a key, and the source can compute it."""
    in_client = {mask.column for mask in plan.masked.masks}
    key = plan.table.mask.primary_key
    return bool(key) and set(key) <= set(plan.masked.columns) and not in_client & set(key)


def _query(plan: TablePlan, names: Sequence[str], sample: str, most: int) -> str:
    """One row for each of the sample: hashes, and whether the masked value still has the original in it."""
    mask, own = plan.table.mask, quote_ident(plan.table.mask.name)
    raw = []
    for n, name in enumerate(names):
        text = f"{own}.{quote_ident(name)}::text"
        when = plan.rules[name].when
        raw.append(f"{text if when is None else f'CASE WHEN ({when}{chr(10)}) THEN {text} END'} AS confiture_raw_{n}")
    relation = f"{'ONLY ' if mask.only else ''}{mask.sql}"
    condition = "true" if plan.selection is None else plan.selection.condition
    masked = plan.masked.of(relation, condition, sample)
    assert masked.startswith("SELECT ")  # ours: see compile_masks
    inner = f"SELECT {', '.join(raw)},\n{masked.removeprefix('SELECT ')}\nLIMIT {most}"
    in_client = {mask.column for mask in plan.masked.masks}
    key = "NULL::bytea"
    if has_row_key(plan):
        key = row_key_sql(plan.label, [f"q.{quote_ident(name)}" for name in mask.primary_key])
    outputs = [f"{key} AS key"]
    for n, name in enumerate(names):
        value = f"q.confiture_raw_{n}"
        local = f"CASE WHEN {value} LIKE '%@%' THEN split_part({value}, '@', 1) END"
        same = "false"
        if name in plan.masked.columns and name not in in_client:
            masked_text = f"lower(q.{quote_ident(name)}::text)"
            within = f"length({value}) >= {_WITHIN} AND position(lower({value}) IN {masked_text}) > 0"
            same = f"coalesce({masked_text} = lower({value}) OR ({within}), false)"
        outputs += [
            f"{original_sql(value)} AS o{n}",
            f"{class_sql(value)} AS c{n}",
            f"CASE WHEN {value} ~ '^[0-9 ()+./-]+$' THEN {original_sql(value, digits=False)} END AS d{n}",
            f"{original_sql(local)} AS l{n}",
            f"CASE WHEN {class_sql(value)} = {STRONG} THEN {class_sql(local)} ELSE 0 END AS m{n}",
            f"{original_sql(value, stems=True)} AS t{n}",
            f"{same} AS s{n}",
        ]
    return f"SELECT {', '.join(outputs)}\nFROM (\n{inner}\n) AS q"
