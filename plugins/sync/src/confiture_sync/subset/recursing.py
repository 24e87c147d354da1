"""One query for what a circle of tables needs, however long its chains are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from confiture_sync.subset.edges import Step
from confiture_sync.subset.keys import Key, Rows, listed, part_of, unnested
from confiture_sync.values import SyncTable

__all__ = ["recursive_query"]


def recursive_query(
    tables: Mapping[str, SyncTable],
    keys: Mapping[str, Key],
    labels: Sequence[str],
    starts: Mapping[str, Rows],
    known: Mapping[str, Rows],
    steps: Sequence[tuple[Step, str]],
    limit: int | None,
) -> tuple[str, list[str]]:
    """The query and its values. Rows: the place of the table in ``labels``, the count, and the keys' arrays.

    ``starts`` are rows whose steps have not been followed yet, ``known`` those that need not be found again. A row in
    the recursion is the number of its table with the texts of its key, so that all tables fit. With each of ``steps``
    goes its join condition of ``a`` and ``b``.
    """
    values: list[str] = []

    def numbered(rows: Rows) -> list[str]:
        values.extend(rows.arrays)
        return [f"${len(values) - len(rows.arrays) + number + 1}" for number in range(len(rows.arrays))]

    place = {label: number for number, label in enumerate(labels)}
    begin = []
    for label, rows in starts.items():
        begin.append(
            f"SELECT {place[label]}, {_texts(keys[label], 'u')} FROM {unnested(rows.key, numbered(rows), 'u')}"
        )
    ways = []
    for step, on in steps:
        if known[step.dest].whole:
            continue
        source, dest = step.columns
        number, when = place[step.source], step.key.when
        a = part_of(tables[step.source], keys[step.source], source, "a", when=None if step.down else when)
        b = part_of(tables[step.dest], keys[step.dest], dest, "b", when=when if step.down else None)
        # CASE: the text of another table's key must not be cast to this one's type.
        same = " AND ".join(
            f"a.{name} = CASE WHEN n.t = {number} THEN n.k[{index + 1}]::{column.type} END"
            for index, (name, column) in enumerate(
                zip(keys[step.source].aliases, keys[step.source].columns, strict=True)
            )
        )
        ways.append(
            f"SELECT {place[step.dest]}, {_texts(keys[step.dest], 'b')} FROM {a} JOIN {b} ON {on} "
            f"WHERE n.t = {number} AND {same}"
        )
    known_count = sum(rows.count for rows in starts.values())
    most = "" if limit is None else f" LIMIT {limit + known_count + sum(known[label].count for label in labels)}"
    results = []
    width = max(len(keys[label].columns) for label in labels)
    for label in labels:
        key = keys[label]
        picked = ", ".join(
            f"f.k[{index + 1}]::{column.type} AS {name}"
            for index, (name, column) in enumerate(zip(key.aliases, key.columns, strict=True))
        )
        new = ""
        if known[label].count and not known[label].whole:
            same = " AND ".join(f"s.{name} = d.{name}" for name in key.aliases)
            new = f" WHERE NOT EXISTS (SELECT FROM {unnested(key, numbered(known[label]), 's')} WHERE {same})"
        padding = "".join([", NULL::pg_catalog.text"] * (width - len(key.columns)))
        # OFFSET 0 keeps the casts behind the number of the table.
        results.append(
            f"SELECT {place[label]}, {listed(key, 'd')}{padding} FROM "
            f"(SELECT {picked} FROM found AS f WHERE f.t = {place[label]} OFFSET 0) AS d{new}"
        )
    sql = (
        f"WITH RECURSIVE need(t, k) AS (({' UNION ALL '.join(begin)}) UNION "
        f"SELECT e.t, e.k FROM need AS n CROSS JOIN LATERAL ({' UNION ALL '.join(ways)}) AS e(t, k)), "
        f"found AS MATERIALIZED (SELECT t, k FROM need{most}) " + " UNION ALL ".join(results)
    )
    return sql, values


def _texts(key: Key, alias: str) -> str:
    return "ARRAY[" + ", ".join(f"{alias}.{name}::pg_catalog.text" for name in key.aliases) + "]"
