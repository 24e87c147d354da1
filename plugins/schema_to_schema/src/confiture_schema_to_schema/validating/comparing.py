"""One segment of a table on both sides: sums, then buckets of the key's hash, then rows by key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec

from confiture_schema_to_schema.validating.segments import bucket_count

if TYPE_CHECKING:
    from confiture_schema_to_schema.validating.both import Both
    from confiture_schema_to_schema.validating.relations import Compared
    from confiture_schema_to_schema.validating.segments import Segment

__all__ = [
    "MOST_SUSPECTS",
    "Differing",
    "How",
    "Outcome",
    "Suspects",
    "UnstableError",
    "compare_segment",
    "differing_keys",
]

How: TypeAlias = Literal["missing", "unexpected", "different"]
Differing: TypeAlias = tuple[How, int]

#: Rows whose keys are held in memory at once, of either side: some 10 MB.
_LISTED_ROWS: Final = 25_000
#: Segments up to so many rows are counted exactly, however many of them differ.
_COUNTED_ROWS: Final = 200_000
#: Keys of a table that are kept, to be looked at again. What goes beyond is counted and believed at once.
MOST_SUSPECTS: Final = 20_000


class UnstableError(Exception):
    """The same query gave other rows in the same snapshot."""


class Suspects(msgspec.Struct, kw_only=True):
    """Keys that differ, by how and in how many rows; ``more`` rows than those.

    ``at_least``: there may be more than ``more``.
    """

    keys: dict[str, Differing] = {}
    more: int = 0
    at_least: bool = False

    @property
    def rows(self) -> int:
        """How many differ."""
        return self.more + sum(rows for _, rows in self.keys.values())

    def add(self, found: Mapping[str, Differing]) -> None:
        """Keep what there is room for, and count the rest."""
        for key, differing in found.items():
            if len(self.keys) < MOST_SUSPECTS:
                self.keys[key] = differing
            else:
                self.more += differing[1]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of either side, and what of them differs."""

    source_rows: int
    target_rows: int
    suspects: Suspects


async def compare_segment(both: Both, compared: Compared, segment: Segment) -> Outcome:
    """All in the two snapshots of ``both``. Raises :class:`UnstableError`."""
    suspects = Suspects()
    buckets, condition = segment.buckets, segment.condition
    if buckets == 1:
        sums = await both.fetch(lambda side: compared.sums(side, condition))
        (source,), (target,) = sums
        rows = source["n"], target["n"]
        if _total(source) != _total(target):
            await _search(both, compared, segment, rows, suspects)
    else:
        sides = await _bucket_sums(both, compared, condition, buckets)
        source_rows, target_rows = (sum(total[0] for total in side.values()) for side in sides)
        rows = source_rows, target_rows
        if sides[0] != sides[1]:
            await _list_buckets(both, compared, condition, buckets, sides, suspects)
    return Outcome(source_rows=rows[0], target_rows=rows[1], suspects=suspects)


_Total: TypeAlias = tuple[int, str, str]


def _total(row: Any) -> _Total:
    return row["n"], row["a"], row["b"]


async def _bucket_sums(
    both: Both, compared: Compared, condition: str, buckets: int
) -> tuple[dict[int, _Total], dict[int, _Total]]:
    source, target = await both.fetch(lambda side: compared.bucket_sums(side, buckets, condition))
    return {row["bucket"]: _total(row) for row in source}, {row["bucket"]: _total(row) for row in target}


async def _search(both: Both, compared: Compared, segment: Segment, rows: tuple[int, int], suspects: Suspects) -> None:
    condition = segment.condition
    if max(rows) > _LISTED_ROWS and not min(rows):
        await _list_one_side(both, compared, condition, rows, suspects)
        return
    buckets = bucket_count(max(rows))
    if buckets > 2:
        sides = await _bucket_sums(both, compared, condition, buckets)
        await _list_buckets(both, compared, condition, buckets, sides, suspects)
        return
    listed = await both.fetch(lambda side: compared.listed(side, 1, condition))
    _take(suspects, compared, listed)


async def _list_one_side(
    both: Both, compared: Compared, condition: str, rows: tuple[int, int], suspects: Suspects
) -> None:
    """The other side has none of the segment's rows."""
    how: How = "missing" if rows[0] else "unexpected"
    connection = both.source if rows[0] else both.target
    sql = compared.first_keys("source" if rows[0] else "target", condition)
    keys = [row["k"] for row in await connection.fetch(sql, MOST_SUSPECTS)]
    suspects.keys.update(dict.fromkeys(keys, (how, 1)))
    suspects.more += max(rows) - len(suspects.keys)


async def _list_buckets(
    both: Both,
    compared: Compared,
    condition: str,
    buckets: int,
    sides: tuple[dict[int, _Total], dict[int, _Total]],
    suspects: Suspects,
) -> None:
    source, target = sides
    none: _Total = (0, "0", "0")
    differing = {
        bucket: (source.get(bucket, none)[0], target.get(bucket, none)[0])
        for bucket in sorted(source.keys() | target.keys())
        if source.get(bucket) != target.get(bucket)
    }
    if not differing:
        raise UnstableError
    total = max(sum(each[0] for each in side.values()) for side in sides)
    for group in _groups(differing):
        if total > _COUNTED_ROWS and len(suspects.keys) >= MOST_SUSPECTS:
            counts = [differing[each] for each in group]
            suspects.more += sum(max(abs(ours - theirs), 1) for ours, theirs in counts)
            suspects.at_least |= any(ours and theirs for ours, theirs in counts)
            continue
        listed = await both.fetch(lambda side: compared.listed(side, buckets, condition), group)
        _take(suspects, compared, listed)


def _groups(differing: Mapping[int, tuple[int, int]]) -> Iterator[list[int]]:
    """Buckets that are listed by one query."""
    group: list[int] = []
    rows = 0
    for bucket, counts in differing.items():
        if group and rows + max(counts) > _LISTED_ROWS:
            yield group
            group, rows = [], 0
        group.append(bucket)
        rows += max(counts)
    yield group


def _take(suspects: Suspects, compared: Compared, listed: tuple[Sequence[Any], Sequence[Any]]) -> None:
    found = differing_keys(compared, *listed)
    if not found:
        raise UnstableError
    suspects.add(found)


def differing_keys(compared: Compared, source: Iterable[Any], target: Iterable[Any]) -> dict[str, Differing]:
    """By key how it differs and how many rows that is. Each side may have a key several times."""
    rows: dict[str, tuple[dict[tuple[int, int], int], dict[tuple[int, int], int]]] = {}
    for number, side in enumerate((source, target)):
        for row in side:
            rows.setdefault(row["k"], ({}, {}))[number][(row["a"], row["b"])] = row["n"]
    found: dict[str, Differing] = {}
    for key, (ours, theirs) in rows.items():
        if ours == theirs:
            continue
        if compared.key:
            how: How = "different" if ours and theirs else "missing" if ours else "unexpected"
            found[key] = how, max(sum(ours.values()), sum(theirs.values())) if not (ours and theirs) else 1
        else:
            more = sum(ours.values()) - sum(theirs.values())
            found[key] = "missing" if more > 0 else "unexpected", abs(more)
    return found
