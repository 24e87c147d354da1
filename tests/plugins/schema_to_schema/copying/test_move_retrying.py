"""A server that goes away: waited for, for as long as the settings say, and anew where it was there in between."""

from __future__ import annotations

import anyio
import pytest

from confiture.errors import ConfitureError, ConnectionLost, ServerUnreachable
from confiture.registry import Registry
from confiture.testing import open_context
from confiture_schema_to_schema.copying import retrying

pytestmark = pytest.mark.anyio


async def test_a_server_that_goes_away_again_and_again(project, monkeypatch):
    """Faults far apart are not added up; one that lasts is."""
    project.config("[schema-to-schema]\nmax_away_s = 0.3\n")
    monkeypatch.setattr(retrying, "_WELL_S", 0.05)
    monkeypatch.setattr(retrying, "_FIRST_WAIT_S", 0.01)
    ends: list[ConfitureError] = []

    async def work() -> str:
        await anyio.sleep(0.1)
        if ends:
            raise ends.pop()
        return "done"

    async with open_context(project.root, registry=Registry()) as ctx:
        ends += [ConnectionLost("lost") for _ in range(6)]
        assert (await retrying.retrying(ctx, "working", work), ends) == ("done", [])
        ends += [ServerUnreachable("away") for _ in range(100)]
        with pytest.raises(ServerUnreachable):
            await retrying.retrying(ctx, "working", work)
    assert ends
