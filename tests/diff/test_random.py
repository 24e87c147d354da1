"""Property: from any schema to any other and back, and nothing to do once there. pg_dump is the judge."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import anyio
import pytest
from hypothesis import HealthCheck, given, settings

from confiture.model import Target
from diff.databases import Databases
from diff.judge import explain
from diff.planner import Side, planner
from diff.random_schemas import schemas

_EXAMPLES = int(os.environ.get("CONFITURE_RANDOM_EXAMPLES", "25"))
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def databases(server: Target) -> Databases:
    return Databases(server.params)


@settings(
    max_examples=_EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(one=schemas(), two=schemas())
def test_any_schema_becomes_any_other_and_goes_back(databases: Databases, tmp_path: Path, one: str, two: str) -> None:
    """Edits that nobody would think of: the names are few, so anything may have changed its type or its needs."""
    anyio.run(_there_and_back, databases, tmp_path, one, two)


async def _there_and_back(databases: Databases, folder: Path, one: str, two: str) -> None:
    names = [f"random_{os.getpid()}_{next(_numbers)}_{side}" for side in "abc"]
    scripts = [folder / f"{side}.sql" for side in "abc"]
    for script, text in zip(scripts, (one, two, one), strict=True):
        script.write_text(text)
    try:
        for name, script in zip(names, scripts, strict=True):
            databases.create(name)
            assert databases.load(name, script) == ""
        old, new, again = (Side(*pair) for pair in zip(scripts, names, strict=True))
        async with planner(databases, folder, direct=True) as tool:
            for target in (new, again):
                plan = await tool.plan(old, target, drops=("*",))
                (folder / "plan.sql").write_text(plan.sql)
                assert databases.run(old.database, folder / "plan.sql") == "", plan.sql
                differences = explain(databases.dump(old.database), databases.dump(target.database))
                assert differences == "", f"{differences}\n{plan.sql}"
                assert (await tool.plan(old, target, drops=("*",))).sql == "", plan.sql
    finally:
        databases.drop(*names)
