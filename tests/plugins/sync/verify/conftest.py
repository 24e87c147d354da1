"""Two databases, rows that were copied from one to the other as rules say, and what the checks make of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from confiture.hooks import TRANSFER
from confiture.kernel import Kernel
from confiture.masking import MaskingKey, inherit, read_rule
from confiture.model import Target, TransferTask
from confiture.transfer import exported_snapshot
from confiture_sync.cataloguing import read_catalog
from confiture_sync.configuring import Reference, SyncFile
from confiture_sync.model import SyncRequest, TableReport
from confiture_sync.planning import plan_tables
from confiture_sync.values import Job, Selected
from confiture_sync.verify import look_at_target, verify


@pytest.fixture
def pair(new_database: Callable[[], Target]) -> tuple[Target, Target]:
    return tuple(msgspec.structs.replace(new_database(), label=name) for name in ("production", "local"))


@pytest.fixture
def looked(project, pair, psql):
    """``await looked(schema, rows, rules, spoil=...)``: the checks after a copy that ``spoil`` did something to."""

    async def run(
        schema: str,
        rows: str,
        rules: dict[str, dict[str, Any]] | None = None,
        *,
        spoil: str = "",
        where: dict[str, Any] | None = None,
        references: tuple[Reference, ...] = (),
        request: dict[str, Any] | None = None,
        copied: dict[str, int] | None = None,
    ):
        psql(pair[0], schema + ";" + rows)
        psql(pair[1], schema)
        file = SyncFile(references=references)
        async with Kernel(project.root).run(env=None) as ctx, exported_snapshot(ctx, pair[0]) as snapshot:
            job = Job(
                request=SyncRequest(source="production", target="local", **(request or {})),
                file=file,
                source=pair[0],
                target=pair[1],
                snapshot=snapshot,
                key=MaskingKey(random.Random(7).randbytes(32)),
                run_id="0",
            )
            async with snapshot.session() as connection:
                catalog = await read_catalog(connection, own_schema="public", references=references)
            written = {
                f"public.{table}": {name: read_rule(rule) for name, rule in columns.items()}
                for table, columns in (rules or {}).items()
            }
            tables = tuple(catalog.tables.values())
            resolved = inherit([table.mask for table in tables], written)
            selections = {f"public.{table}": selection for table, selection in (where or {}).items()}
            plans = await plan_tables(ctx, job, Selected(tables=tables), resolved, selections)
            former = await look_at_target(ctx, job, plans)
            reports = []
            for plan in plans:
                selection = plan.selection
                task = TransferTask(
                    source=job.source,
                    target=job.target,
                    table=plan.target.sql,
                    columns=plan.masked.columns,
                    query=plan.masked.query if selection is None else plan.masked.where(selection.condition),
                    snapshot=snapshot.id,
                    settings={**job.key.settings, **({} if selection is None else selection.settings)},
                )
                done = await ctx.get(TRANSFER, "copy").transfer(ctx, task, plan.masked.masks)
                reports.append(TableReport(table=plan.label, rows=(copied or {}).get(plan.label, done.rows)))
            psql(pair[1], spoil)
            return await verify(ctx, job, catalog, plans, reports, former)

    return run
