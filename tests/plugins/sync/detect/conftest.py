"""A source, and the steps of a sync up to the guard before a byte moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from confiture.kernel import Kernel
from confiture.masking import MaskingKey, Rule
from confiture.model import Target
from confiture.transfer import exported_snapshot
from confiture_sync.cataloguing import read_catalog
from confiture_sync.configuring import read_sync_file
from confiture_sync.detect import Personal, check_coverage, find_personal
from confiture_sync.model import Finding, SyncRequest
from confiture_sync.ruling import resolve_rules
from confiture_sync.selecting import select
from confiture_sync.values import Catalog, Job, Selected
from conftest import ProjectFolder, run_psql


class Source:
    """``target`` is the database, an environment ``production`` of ``project``."""

    def __init__(self, project: ProjectFolder, target: Target) -> None:
        self.project = project
        self.target = msgspec.structs.replace(target, label="production")
        project.environment_for(target, "production")

    def sql(self, sql: str) -> str:
        return run_psql(self.target, sql)

    def rules(self, text: str, name: str = "db/sync_config.yaml") -> None:
        self.project.write(name, text)

    def run(self) -> Any:
        return Kernel(self.project.root).run(env="production")

    async def init(self, **asked: Any) -> Any:
        """The report of ``sync-init``."""
        async with self.run() as run:
            return await run.start("sync-init", **{"source": "production", **asked})

    async def personal(self, *tables: str) -> dict[str, Personal]:
        """What looks personal, by ``table.column`` of the schema public."""
        async with (
            self.run() as ctx,
            exported_snapshot(ctx, self.target) as snapshot,
            snapshot.session() as connection,
        ):
            catalog = await read_catalog(connection, own_schema="confiture")
            chosen = [t for label, t in catalog.tables.items() if not tables or t.mask.name in tables]
            found = await find_personal(connection, chosen)
        return {
            f"{label}.{name}".removeprefix("public."): each for label, of in found.items() for name, each in of.items()
        }

    async def check(self, **asked: Any) -> Sequence[Finding]:
        """The findings, or what the guard raises."""
        async with self._job(asked) as (ctx, job, catalog, selected):
            rules = await resolve_rules(ctx, job, catalog, selected)
            return await check_coverage(ctx, job, catalog, selected, rules)

    async def ruled(self, **asked: Any) -> dict[str, Rule]:
        """The rules that hold, by column."""
        async with self._job(asked) as (ctx, job, catalog, selected):
            rules = await resolve_rules(ctx, job, catalog, selected)
        return {f"{label}.{name}": rule for label, columns in rules.items() for name, rule in columns.items()}

    @asynccontextmanager
    async def _job(self, asked: dict[str, Any]) -> AsyncIterator[tuple[Any, Job, Catalog, Selected]]:
        request = SyncRequest(source="production", target="local", **asked)
        async with self.run() as ctx, exported_snapshot(ctx, self.target) as snapshot:
            file = read_sync_file(ctx, request.config)
            async with snapshot.session() as connection:
                catalog = await read_catalog(
                    connection, own_schema="confiture", references=file.references, file=file.shown
                )
            tables = request.tables or file.tables
            selected = select(catalog, tables=tables, exclude=request.exclude, cut=(), with_parents=False)
            job = Job(
                request=request,
                file=file,
                source=self.target,
                target=self.target,
                snapshot=snapshot,
                key=MaskingKey(b"0123456789abcdef0123456789abcdef"),
                run_id="test",
            )
            yield ctx, job, catalog, selected


@pytest.fixture
def source_of(project: ProjectFolder) -> Callable[[Target], Source]:
    """A database that tests share."""
    return lambda target: Source(project, target)


@pytest.fixture
def source(source_of: Callable[[Target], Source], new_database: Callable[[], Target]) -> Source:
    """A database of the test's own."""
    return source_of(new_database())
