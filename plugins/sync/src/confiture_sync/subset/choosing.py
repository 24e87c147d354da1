"""From seeds to the rows of all tables: children that were asked for, then the parents of everything."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from confiture.model import Note, StepFinished, StepStarted, WarningRaised
from confiture.transfer import reading
from confiture_sync.subset.edges import Step, check_fed, find_children, find_parents
from confiture_sync.subset.estimates import estimate, read_statistics, shown_estimate
from confiture_sync.subset.keys import Index, find_key, is_indexed, read_indexes
from confiture_sync.subset.seeds import Seed, find_seeds
from confiture_sync.subset.selections import cut_only, make_selections
from confiture_sync.subset.worklist import STEP, Worklist
from confiture_sync.values import Catalog, Job, Selected, Selection, SyncTable

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["choose_rows"]

#: Smaller tables are read whole in no time.
_LARGE_BYTES = 1 << 20
#: Lists of keys come as bind values: a plan that is made for any list takes it for ten keys.
_SETTINGS = {"plan_cache_mode": "force_custom_plan", "jit": "off", "TimeZone": "UTC"}
_COLLATIONS = """
SELECT a.attrelid::bigint AS oid, a.attname::text AS name,
       pg_catalog.format('%I.%I', n.nspname, c.collname) AS collation
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation
  JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
 WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND a.attcollation <> 'pg_catalog."default"'::regcollation
"""


async def choose_rows(ctx: Context, job: Job, catalog: Catalog, selected: Selected) -> Mapping[str, Selection]:
    """The selection of each table, by label; a table that is copied whole has none.

    Without a seed all tables are copied whole, and only keys whose parents are not copied are cut. Otherwise the rows
    are: the seeds; their children, and children's children, along the keys that the request or the file names; the
    parents of all of those, and theirs. All is read in the job's snapshot.

    Raises ``UsageError`` and ``ConfigError`` for seeds and keys that mean nothing, ``Refused`` for a table that no row
    would be copied of, and where there are more rows than ``max_rows``.
    """
    children = find_children(job, catalog, selected)
    seeds = find_seeds(job, catalog, selected, {step.dest for step in children})
    parents = find_parents(selected)
    max_rows = job.request.max_rows if job.request.max_rows is not None else job.file.subset.max_rows
    if seeds:
        check_fed(selected, seeds, children, parents, file=job.file.shown)
    elif max_rows is None:
        return cut_only(selected)
    tables = {table.label: table for table in selected.tables}
    started = time.monotonic()
    ctx.emit(StepStarted(step=STEP, label="choose rows"))
    async with reading(ctx, job.source, snapshot=job.snapshot.id, settings=_SETTINGS) as connection:
        indexes = await read_indexes(connection, selected.tables)
        worklist = Worklist(
            ctx,
            connection,
            tables,
            {label: find_key(table, indexes[label]) for label, table in tables.items()},
            collations=await _collations(connection, selected.tables),
            max_rows=max_rows,
            file=job.file.shown,
        )
        if seeds:
            await _sow(ctx, worklist, seeds)
            counts = {label: float(rows.count or tables[label].rows) for label, rows in worklist.rows.items() if rows}
            statistics = await read_statistics(connection, list(tables))
            for found in estimate(tables, statistics, counts, children, parents):
                ctx.emit(Note(message=shown_estimate(found, tables)))
            _warn(ctx, (*children, *parents), indexes, tables)
            await worklist.spread(children)
            await worklist.spread(parents)
            await _hold_places(job, worklist, tables)
            shown = _shown(tables, seeds, children, parents)
            selections = await make_selections(connection, worklist, selected, shown, job.run_id)
        else:
            for label in tables:
                await worklist.take_whole(label)
            selections = cut_only(selected)
    ctx.emit(
        StepFinished(step=STEP, seconds=time.monotonic() - started, summary=f"{worklist.total:,} rows chosen by key")
    )
    return selections


async def _sow(ctx: Context, worklist: Worklist, seeds: Mapping[str, Seed]) -> None:
    """The seeds, whole tables first: nothing needs to be looked for in those."""
    for label, seed in sorted(seeds.items(), key=lambda each: (not each[1].whole, each[0])):
        missing = await worklist.seed(label, seed)
        if missing:
            ctx.emit(
                WarningRaised(
                    message=f"{missing} of the {len(seed.ids)} ids of {label} are not there",
                    hint="take them out of the list, or see whether the source is the right database",
                )
            )


async def _collations(connection: Connection, tables: Sequence[SyncTable]) -> Mapping[tuple[str, str], str]:
    labels = {table.oid: table.label for table in tables}
    rows = await connection.fetch(_COLLATIONS, list(labels))
    return {(labels[row["oid"]], row["name"]): row["collation"] for row in rows}


def _warn(
    ctx: Context, steps: Sequence[Step], indexes: Mapping[str, Sequence[Index]], tables: Mapping[str, SyncTable]
) -> None:
    """Rows are looked up by these columns in every round."""
    for step in steps:
        columns = step.columns[1]
        if tables[step.dest].bytes >= _LARGE_BYTES and not is_indexed(columns, indexes[step.dest]):
            ctx.emit(
                WarningRaised(
                    message=f"no index of {step.dest} finds rows by {', '.join(columns)}: "
                    f"{step.key.label} is slow to follow",
                    hint="each round reads the whole table; an index on the source would do",
                )
            )


async def _hold_places(job: Job, worklist: Worklist, tables: Mapping[str, SyncTable]) -> None:
    """Rows without a key are told by their place until they are copied: nobody may rewrite the table before."""
    for label, rows in worklist.rows.items():
        if rows.key.place and rows.count and not rows.whole:
            async with job.snapshot.session() as connection:  # its lock lasts as long as the snapshot
                await connection.execute(f"SELECT FROM {tables[label].sql} LIMIT 0")


def _shown(
    tables: Mapping[str, SyncTable], seeds: Mapping[str, Seed], children: Sequence[Step], parents: Sequence[Step]
) -> Mapping[str, str]:
    """By label, where a table's rows are from, for people."""
    found = {}
    for label in tables:
        words = [seeds[label].shown] if label in seeds else []
        for what, steps in (("children", children), ("parents", parents)):
            others = dict.fromkeys(step.source for step in steps if step.dest == label)
            words += [f"{what} of {', '.join(others)}"] if others else []
        found[label] = ", ".join(words)
    return found
