"""Two databases, an engine, and a run to move rows in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from confiture.model import Target, TransferTask
from confiture.testing import open_context
from confiture_copy.engine import CopyEngine

SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND pid <> pg_backend_pid()"

FORMS = "SET DateStyle = ISO; SET IntervalStyle = postgres; SET extra_float_digits = 3; SET bytea_output = hex;"


@pytest.fixture
def source(new_database: Callable[[], Target]) -> Target:
    return msgspec.structs.replace(new_database(), label="production")


@pytest.fixture
def target(new_database: Callable[[], Target]) -> Target:
    return msgspec.structs.replace(new_database(), label="staging")


@pytest.fixture
async def ctx(project):
    async with open_context(project.root) as run:
        yield run


@pytest.fixture
def transfer(ctx, source, target):
    """``await transfer(columns="id, name", masks=..., ...)``: of the table ``t``, unless it is told otherwise."""

    def task_of(columns: str, **values: Any) -> TransferTask:
        names = tuple(columns.split(", "))
        query = f"SELECT {', '.join(map(quoted, names))} FROM {values.get('table', 't')}"
        return TransferTask(
            **{"source": source, "target": target, "table": "t", "columns": names, "query": query} | values
        )

    async def transfer(columns: str, *, masks=(), **values: Any):
        return await CopyEngine().transfer(ctx, task_of(columns, **values), masks)

    return transfer


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture
def both(source, target, psql) -> Callable[[str], None]:
    """Runs SQL in both databases."""

    def run(sql: str) -> None:
        for place in (source, target):
            psql(place, sql)

    return run


@pytest.fixture
def equal(source, target, psql) -> Callable[..., str]:
    """Fails unless psql prints the same of both; what it prints."""

    def compare(sql: str = "SELECT t::text FROM t ORDER BY 1") -> str:
        sql = f"{FORMS} {sql}"
        printed = psql(source, sql)
        assert psql(target, sql) == printed
        return printed

    return compare
