"""What each foreign key would pull in, from the server's statistics: told before anything is followed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture_sync.subset.edges import Step, quote_if_odd, written
from confiture_sync.values import SyncTable

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Estimate", "estimate", "read_statistics", "shown_estimate"]

#: What a row is taken to have where nobody has analyzed the table.
_ROW_BYTES = 200
#: Circles are followed as often, at most: what comes later is less than a row a round.
_ROUNDS = 50
#: A table of fewer rows costs nothing, and a foreign key that takes in less of it is not worth a word.
_MANY_ROWS = 1_000
_MOST = 0.5

_STATISTICS = """
SELECT s.schemaname || '.' || s.tablename AS label, s.attname::text AS name, s.null_frac, s.n_distinct
  FROM pg_catalog.pg_stats s WHERE s.schemaname || '.' || s.tablename = ANY ($1::text[]) ORDER BY s.inherited
"""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """About how many rows of ``step.dest`` a step adds, of ``of`` that there are."""

    step: Step
    rows: float
    of: float


async def read_statistics(
    connection: Connection, labels: Sequence[str]
) -> Mapping[tuple[str, str], tuple[float, float]]:
    """By table and column, the share of NULLs and the number of values as pg_stats has it; no value of them."""
    return {
        (row["label"], row["name"]): (row["null_frac"], row["n_distinct"])
        for row in await connection.fetch(_STATISTICS, list(labels))
    }


def estimate(
    tables: Mapping[str, SyncTable],
    statistics: Mapping[tuple[str, str], tuple[float, float]],
    counts: Mapping[str, float],
    children: Sequence[Step],
    parents: Sequence[Step],
) -> tuple[Estimate, ...]:
    """What every step adds to the rows that are there (``counts``): first all children, then all parents."""
    sizes = {label: _size(table) for label, table in tables.items()}
    sums = {label: min(counts.get(label, 0.0), size) for label, size in sizes.items()}
    found = []
    for steps in (children, parents):
        pulled = dict.fromkeys(steps, 0.0)
        frontier = dict(sums)
        for _ in range(_ROUNDS):
            following: dict[str, float] = {}
            for step in steps:
                rows = frontier.get(step.source, 0.0)
                if rows < 0.5 or not sizes[step.dest]:
                    continue
                share = max(1 - (sums[step.dest] + following.get(step.dest, 0.0)) / sizes[step.dest], 0.0)
                new = _pulled(step, rows, sizes, statistics) * share
                pulled[step] += new
                following[step.dest] = following.get(step.dest, 0.0) + new
            for label, new in following.items():
                sums[label] = min(sums[label] + new, sizes[label])
            if not following:
                break
            frontier = following
        found += [Estimate(step=step, rows=rows, of=sizes[step.dest]) for step, rows in pulled.items()]
    return tuple(found)


def _pulled(
    step: Step,
    rows: float,
    sizes: Mapping[str, float],
    statistics: Mapping[tuple[str, str], tuple[float, float]],
) -> float:
    key = step.key
    known = [statistics[key.table, name] for name in key.columns if (key.table, name) in statistics]
    filled = 1 - max((nulls for nulls, _ in known), default=0.0)
    children, parents = sizes[key.table], sizes[key.parent]
    if step.down:
        return min(rows / max(parents, 1.0) * children * filled, children)
    values = parents
    if known:
        values = max(each if each > 0 else -each * children for _, each in known)
    values = max(min(values, parents), 1.0)
    # As many different ones come of that many draws.
    return values * -math.expm1(-rows * filled / values)


def _size(table: SyncTable) -> float:
    return float(table.rows) if table.rows > 0 else table.bytes / _ROW_BYTES


def shown_estimate(found: Estimate, tables: Mapping[str, SyncTable]) -> str:
    """One line for people, with what to do about a key that pulls in most of a table."""
    step, key = found.step, found.step.key
    share = found.rows / found.of if found.of else 0.0
    way = f"{key.label} to its children" if step.down else key.label
    text = f"{way}: about {found.rows:,.0f} rows of {step.dest} ({share:.0%})"
    if step.down or share < _MOST or found.of < _MANY_ROWS or not key.nullable:
        return text
    child = tables[key.table].mask
    return f"{text}; --cut {written(child.schema, child.name)}.{quote_if_odd(key.columns[0])} would leave them out"
