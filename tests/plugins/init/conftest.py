"""The command line of ``tests/cli``, and ``adopt``: a database as files, and those built again."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from cli.conftest import cli, run_here
from confiture.config.dsn import to_uri
from confiture.model import Event, Target
from confiture_init.model import InitReport

__all__ = ["cli", "run_here"]


@pytest.fixture
def absent(server: Target, psql: Callable[..., str]) -> Iterator[Target]:
    """A database that does not exist yet, dropped after the test."""
    name = f"adopted_{uuid.uuid4().hex[:10]}"
    yield server.with_database(name)
    psql(server.with_database("postgres"), f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def events() -> list[Event]:
    """What the runs of ``adopt`` told."""
    return []


@pytest.fixture
def bare(server: Target, tmp_path: Path) -> Path:
    """A project without a schema, whose scratch databases are on the test server."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "confiture.toml").write_text(f"[scratch]\nurl = '{to_uri(server.with_database('postgres').params)}'\n")
    return root


@pytest.fixture
def adopt(bare: Path, kernel_run, events: list[Event]) -> Callable[..., Awaitable[InitReport]]:
    """``await adopt(target)``: the report on the files of its schema, written into ``bare``."""

    async def run(target: Target, *, registry=None, **request) -> InitReport:
        async with kernel_run(bare, database=target, registry=registry, observers=[events.append]) as ctx:
            return await ctx.start("init", from_database=True, **request)

    return run


@pytest.fixture
def build(bare: Path, kernel_run, absent: Target) -> Callable[..., Awaitable[Target]]:
    """``await build()``: the database that ``confiture build`` makes of the files in ``bare``."""

    async def run(**request) -> Target:
        async with kernel_run(bare, database=absent) as ctx:
            await ctx.start("build", cache=False, **request)
        return absent

    return run
