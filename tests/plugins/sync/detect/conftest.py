"""A source, and the steps of a sync up to the guard before a byte moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pytest

from confiture.masking import MaskingKey, Rule
from confiture.model import Target
from confiture.testing import open_context
from confiture.transfer import exported_snapshot
from confiture_sync.cataloguing import read_catalog
from confiture_sync.configuring import read_sync_file
from confiture_sync.detect import Personal, check_coverage, find_personal
from confiture_sync.model import Finding, SyncRequest
from confiture_sync.ruling import resolve_rules
from confiture_sync.selecting import select
from confiture_sync.values import Job
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

    async def personal(self, *tables: str) -> dict[str, Personal]:
        """What looks personal, by ``table.column`` of the schema public."""
        async with open_context(self.project.root) as ctx, exported_snapshot(ctx, self.target) as snapshot:
            async with snapshot.session() as connection:
                catalog = await read_catalog(connection, own_schema="confiture")
                chosen = [t for label, t in catalog.tables.items() if not tables or t.mask.name in tables]
                found = await find_personal(connection, chosen)
        return {
            f"{label}.{name}".removeprefix("public."): each for label, of in found.items() for name, each in of.items()
        }

    async def check(self, **asked: Any) -> tuple[Sequence[Finding], Mapping[str, Mapping[str, Rule]]]:
        """The findings and the rules that hold, or what the guard raises."""
        request = SyncRequest(source="production", target="local", **asked)
        async with open_context(self.project.root) as ctx, exported_snapshot(ctx, self.target) as snapshot:
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
            rules = await resolve_rules(ctx, job, catalog, selected)
            return await check_coverage(ctx, job, catalog, selected, rules), rules


@pytest.fixture
def source(project: ProjectFolder, new_database: Callable[[], Target]) -> Source:
    return Source(project, new_database())
