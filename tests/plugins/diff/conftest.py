"""The medium on the test server: ``compare(old, new)`` with two texts of DDL."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from confiture.config.dsn import to_uri
from confiture.model import Event, Target
from confiture_diff.model import DiffReport


@pytest.fixture
def scratch_project(project, server: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A project whose scratch databases are on the test server; what is remembered goes with the test."""
    monkeypatch.setenv("CONFITURE_CACHE_DIR", str(tmp_path / "cache"))
    project.config(f"[scratch]\nurl = '{to_uri(server.with_database('postgres').params)}'\n")
    return project


@pytest.fixture
def events() -> list[Event]:
    """What the runs of ``compare`` told."""
    return []


@pytest.fixture
def compare(scratch_project, kernel_run, events: list[Event]) -> Callable[..., Awaitable[DiffReport]]:
    """``await compare(old, new, **request)``: the report on two texts of DDL."""

    async def run(old: str, new: str, *, registry=None, **request) -> DiffReport:
        sides = [scratch_project.write(name, text) for name, text in (("old.sql", old), ("new.sql", new))]
        async with kernel_run(scratch_project, registry=registry, observers=[events.append]) as ctx:
            return await ctx.start("diff", old=str(sides[0]), new=str(sides[1]), **request)

    return run


@pytest.fixture
def statements(compare) -> Callable[..., Awaitable[list[str]]]:
    """``await statements(old, new)``: the plan's SQL, without a proof."""

    async def run(old: str, new: str, **request) -> list[str]:
        report = await compare(old, new, prove=False, **request)
        return [statement.sql for statement in report.plan.statements]

    return run
