"""One planner and one set of databases for all cases of a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from confiture.model import Target
from diff.case import ROLES, TABLESPACE
from diff.databases import Databases
from diff.pairs import Pair
from diff.planner import Planner, planner


@pytest.fixture(scope="session")
def databases(server: Target) -> Databases:
    """The session's server, with the roles and the tablespace that cases name."""
    made = Databases(server.params)
    made.make_roles(*ROLES)
    made.make_tablespace(TABLESPACE)
    return made


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("diff-cache")


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, cache_dir: Path) -> None:
    """Both directions of a case read the same scripts."""
    monkeypatch.setenv("CONFITURE_CACHE_DIR", str(cache_dir))


@pytest.fixture(scope="session")
async def tool(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Planner]:
    async with planner(databases, tmp_path_factory.mktemp("diff") / "project") as made:
        yield made


@pytest.fixture(scope="session")
def pairs() -> Iterator[dict[str, Pair]]:
    """The last pair, by the case's name: the tests of a case follow each other."""
    kept: dict[str, Pair] = {}
    yield kept
    for pair in kept.values():
        pair.close()
