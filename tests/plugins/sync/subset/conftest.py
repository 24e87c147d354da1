"""A source, the medium's steps up to the selections, and the rows that these select, in a schema of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from confiture.masking import MaskingKey, compile_masks
from confiture.model import Event, Target
from confiture.quoting import quote_ident
from confiture.testing import open_context
from confiture.transfer import exported_snapshot, reading, set_local
from confiture_sync.cataloguing import read_catalog
from confiture_sync.configuring import Reference, Subset, SyncFile
from confiture_sync.model import SyncRequest
from confiture_sync.selecting import select
from confiture_sync.subset import choose_rows
from confiture_sync.values import Catalog, Job, Selected, Selection
from conftest import run_psql

KEY = MaskingKey(b"a key of thirty-two bytes, enough")


class Chosen(msgspec.Struct):
    """What was chosen. ``events`` are what the run told."""

    source: Target
    catalog: Catalog
    selected: Selected
    selections: Mapping[str, Selection]
    events: list[Event]

    def messages(self, type_: type[Event]) -> list[str]:
        return [event.message for event in self.events if isinstance(event, type_)]


class Chooser:
    """``await chooser(tables=..., sample=..., references=..., file=..., ...)``: as the medium does it."""

    def __init__(self, ctx: Any, source: Target, heard: list[Event]) -> None:
        self.ctx = ctx
        self.source = source
        self.heard = heard

    @asynccontextmanager
    async def job(
        self, *, references: tuple[Reference, ...] = (), file: Subset | None = None, run_id: str = "1", **values: Any
    ):
        given = SyncFile(references=references, subset=file or Subset(), shown="db/sync_config.yaml")
        run_psql(self.source, "DROP SCHEMA IF EXISTS chosen CASCADE")
        async with exported_snapshot(self.ctx, self.source) as snapshot:
            request = SyncRequest(source="production", target="local", **values)
            job = Job(request=request, file=given, source=self.source, target=self.source, snapshot=snapshot, key=KEY,
                      run_id=run_id)  # fmt: skip
            async with snapshot.session() as connection:
                catalog = await read_catalog(connection, own_schema="public", references=references, file=given.shown)
            selected = select(
                catalog,
                tables=request.tables,
                exclude=request.exclude,
                cut=(*request.cut, *given.subset.cut),
                with_parents=request.with_parents,
            )
            yield job, catalog, selected

    async def __call__(self, **values: Any) -> Chosen:
        self.heard.clear()
        async with self.job(**values) as (job, catalog, selected):
            selections = await choose_rows(self.ctx, job, catalog, selected)
        return Chosen(self.source, catalog, selected, selections, list(self.heard))

    async def write(self, chosen: Chosen) -> None:
        """The rows that are selected, as tables in the schema ``chosen``, their columns as they would arrive."""
        run_psql(self.source, "DROP SCHEMA IF EXISTS chosen CASCADE; CREATE SCHEMA chosen")
        async with self.ctx.connect(self.source) as connection:
            for table in chosen.selected.tables:
                selection = chosen.selections.get(table.label, Selection())
                masked = compile_masks(lambda kind: None, table.mask, {}, KEY, nulled=selection.nulled)
                async with self.ctx.transaction(connection):
                    await set_local(connection, selection.settings)
                    name = quote_ident(table.mask.name)
                    await connection.execute(f"CREATE TABLE chosen.{name} AS {masked.where(selection.condition)}")
                    count = await connection.fetchval(f"SELECT count(*) FROM chosen.{name}")
                assert selection.rows in (None, count), table.label

    async def rows(self, chosen: Chosen, label: str, sql: str = "*") -> list[Any]:
        """Rows of one table, as its selection gives them."""
        selection = chosen.selections.get(label, Selection())
        table = chosen.catalog.tables[label]
        masked = compile_masks(lambda kind: None, table.mask, {}, KEY, nulled=selection.nulled)
        query = f"SELECT {sql} FROM ({masked.where(selection.condition)}) AS chosen_row ORDER BY chosen_row"
        async with reading(self.ctx, self.source, settings=selection.settings) as connection:
            return [row[0] if len(row) == 1 else tuple(row) for row in await connection.fetch(query)]


@pytest.fixture
def source(database: Target) -> Target:
    return msgspec.structs.replace(database, label="production")


@pytest.fixture
async def choose(project, source):
    async with open_context(project.root) as run:
        heard: list[Event] = []
        run.emit = heard.append
        yield Chooser(run, source, heard)


def dangling(source: Target, chosen: Chosen, schema: str = "chosen") -> list[str]:
    """Foreign keys with rows whose parent is not there: an anti-join each, in SQL."""
    found = []
    for table in chosen.selected.tables:
        for key in table.foreign_keys:
            if key.parent not in {each.label for each in chosen.selected.tables}:
                continue
            parent = chosen.catalog.tables[key.parent].mask.name
            on = " AND ".join(
                f"c.{quote_ident(a)} = p.{quote_ident(b)}" for a, b in zip(key.columns, key.parent_columns, strict=True)
            )
            full = " AND ".join(f"c.{quote_ident(name)} IS NOT NULL" for name in key.columns)
            when = f" AND ({key.when})" if key.when else ""
            child = f"{schema}.{quote_ident(table.mask.name)} c WHERE {full}{when}"
            lost = f"NOT EXISTS (SELECT FROM {schema}.{quote_ident(parent)} p WHERE {on})"
            if run_psql(source, f"SELECT count(*) FROM {child} AND {lost}") != "0":
                found.append(key.label)
    return found


@pytest.fixture
def orphans() -> Callable[..., list[str]]:
    return dangling
