"""A project, an old database in it, and the name of a new one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from confiture.model import Target
from conftest import ProjectFolder
from e2e.schema_to_schema.moves import Move


@pytest.fixture
def move(project: ProjectFolder, new_database: Callable[[], Target]) -> Iterator[Callable[[Target | None], Move]]:
    """``move(source)``: into a database that is not there yet; of an empty one without ``source``."""
    made: list[Move] = []

    def make(source: Target | None = None) -> Move:
        old = source or new_database()
        made.append(Move(project, old, old.with_database(f"{old.database}_new{len(made)}")))
        return made[-1]

    yield make
    for each in made:
        each.drop()
