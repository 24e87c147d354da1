"""Two databases, and jobs that are put together by hand: what a map compiles to is tested elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import msgspec
import pytest

from confiture.hooks import API_VERSION, Provider, hookimpl
from confiture.model import Target
from confiture.registry import Registry
from confiture.testing import open_context
from confiture_schema_to_schema.values import Catalog, Job, MigrationMap, Part, Sides, Table, TableMap, TargetTable


class PlainEngine:
    """A stranger's engine that can only be asked whether: it takes tables of one column."""

    def accepts(self, task, masks=()):
        return len(task.columns) == 1

    async def transfer(self, ctx, task, masks=()):
        raise AssertionError("nothing is moved by a plan")


def _registry() -> Registry:
    def confiture_transfer_engines():
        yield Provider(name="plain", target=f"{__name__}:PlainEngine", summary="a stranger's")

    module = ModuleType("a_strangers_plugin")
    module.API_VERSION = API_VERSION
    module.confiture_transfer_engines = hookimpl(confiture_transfer_engines)
    registry = Registry()
    registry.register(module, "stranger")
    return registry


@pytest.fixture
def source(new_database: Callable[[], Target]) -> Target:
    return msgspec.structs.replace(new_database(), label="production")


@pytest.fixture
def target(new_database: Callable[[], Target]) -> Target:
    return msgspec.structs.replace(new_database(), label="production_new")


@pytest.fixture
async def ctx(project):
    project.config("[schema-to-schema]\ncapture = 'none'\n")
    async with open_context(project.root, registry=_registry()) as run:
        yield run


@pytest.fixture
def job_of(source, target) -> Callable[..., Job]:
    """``job_of({"t": "id, v"}, strategy="copy", engines={"t": "plain"})``: each table as it is."""

    def job_of(tables: dict[str, str], *, engines=None, queries=None, rows=0, **values) -> Job:
        listed = {f"public.{name}": Table(schema="public", name=name, columns=(), rows=rows) for name in tables}
        targets = []
        for number, (name, columns) in enumerate(tables.items()):
            label = f"public.{name}"
            part = Part(
                number=number,
                target=label,
                source=label,
                alias=f'"{name}"',
                query=(queries or {}).get(name) or f'SELECT {columns} FROM public."{name}"',
                columns=tuple(columns.split(", ")),
                key=("id",),
                map=TableMap(source=name, strategy=(engines or {}).get(name)),
            )
            targets.append(TargetTable(table=listed[label], parts=(part,)))
        catalog = Catalog(tables=listed)
        return Job(
            sides=Sides(source=source, target=target),
            map=MigrationMap(),
            old=catalog,
            new=catalog,
            tables=tuple(targets),
            **values,
        )

    return job_of
