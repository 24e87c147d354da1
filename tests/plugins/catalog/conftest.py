"""What the tests of the inspector share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from confiture.hooks import INSPECTOR
from confiture.model import Schema, Target

Inspect = Callable[[Target], Awaitable[Schema]]


@pytest.fixture
def inspect(kernel_run) -> Inspect:
    """``await inspect(target)``: the schema of that database."""

    async def read(target: Target) -> Schema:
        async with kernel_run(database=target) as run:
            return await run.get(INSPECTOR, "catalog").inspect(run, target)

    return read
