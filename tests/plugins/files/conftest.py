"""A source at work on the test's project, without a server."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from confiture.hooks import SOURCE
from confiture.model import Event, SourceFile, Target

NOWHERE = Target(label="nowhere", params={"host": "/nonexistent", "dbname": "none"})


class Load:
    """``await load(what)``: the files; ``events`` are those of the last call."""

    def __init__(self, kernel_run, project) -> None:
        self._kernel_run = kernel_run
        self._project = project
        self.events: list[Event] = []

    async def __call__(self, what: str = "", **options) -> Sequence[SourceFile]:
        self.events = []
        async with self._kernel_run(self._project, observers=[self.events.append], database=NOWHERE) as run:
            return await run.get(SOURCE, "files").load(run, what, **options)


@pytest.fixture
def load(kernel_run, project) -> Load:
    return Load(kernel_run, project)
