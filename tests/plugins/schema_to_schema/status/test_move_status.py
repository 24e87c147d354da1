"""How far a migration is: before it, while it runs, when it failed or was killed, and when it is done."""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from confiture.errors import ConfitureError, Refused
from confiture.model import StepStarted
from conftest import run_psql
from forked import Forked

pytestmark = pytest.mark.anyio


async def test_there_may_be_none(sides):
    """No state, and no database either."""
    assert (await sides.status()).phase == "none"
    missing = sides.target.with_database("never_made")
    sides.project.environment_for(missing, "production_new")
    assert (await sides.status()).phase == "none"
    with pytest.raises(Refused, match="no unfinished migration"):
        await sides.start("schema-to-schema-pause")


async def test_of_one_that_is_done(sides):
    """What psql counts; there is nothing left, and nothing to pause."""
    report = await sides.start("schema-to-schema")
    status = await sides.status()
    assert (status.phase, status.running, status.run_id) == ("copied", False, report.run_id)
    assert (status.rows, status.estimated_rows, status.attempt) == (600, 600, 1)
    assert status.started is not None
    assert status.finished is not None
    assert [(t.table, t.state, t.rows, t.engine) for t in status.tables] == [
        ("public.a", "indexed", 400, "copy"),
        ("public.b", "indexed", 200, "copy"),
    ]
    assert status.tables[0].chunks == status.tables[0].chunks_done > 2
    assert (status.eta_seconds, status.last_error, status.waiting_for) == (None, None, None)
    with pytest.raises(Refused, match="no unfinished migration"):
        await sides.start("schema-to-schema-pause")


async def test_of_one_that_was_killed(sides):
    """The first table is there, the second is not, and nobody is at it, for the lock is free."""
    at = ("schema-to-schema.public.b", "StepStarted")
    process = Forked(sides.project.root, "schema-to-schema", at, jobs=1)
    assert process.end() == "SIGKILL"
    with anyio.fail_after(60):
        ours = f"application_name LIKE 'confiture {process.pid}@%'"  # that of its lock too, which is elsewhere
        while int(run_psql(sides.target, f"SELECT count(*) FROM pg_stat_activity WHERE {ours}")):
            await anyio.sleep(0.01)
    status = await sides.status()
    assert (status.phase, status.running, status.rows) == ("copying", False, 400)
    assert [table.state for table in status.tables] == ["indexed", "waiting"]
    assert 550 < status.estimated_rows < 650
    assert status.rows_per_second is None
    plan = await sides.start("schema-to-schema-plan")
    assert [each.check for each in plan.findings if each.level == "error"] == ["begun"]
    told = await sides.start("schema-to-schema-pause")
    assert (told.running, told.paused, told.run_id) == (False, True, status.run_id)
    assert (await sides.status()).paused
    await sides.start("schema-to-schema", resume=True)  # who goes on with it has not paused it
    status = await sides.status()
    assert (status.phase, status.rows, status.attempt, status.paused) == ("copied", 600, 2, False)


async def test_of_one_that_failed(sides):
    """Why, without the row that did not fit."""

    def narrow(event):
        if isinstance(event, StepStarted) and event.step == "schema-to-schema.rows":
            run_psql(sides.target, "ALTER TABLE b ADD CONSTRAINT narrow CHECK (v = 'secret' OR id < 77)")

    with pytest.raises(ConfitureError, match="narrow"):
        await sides.start("schema-to-schema", observers=[narrow])
    status = await sides.status()
    assert (status.phase, status.running, status.finished) == ("copying", False, None)
    assert "narrow" in str(status.last_error)
    assert "bbbb" not in str(status.last_error)


async def test_of_one_that_is_under_way(sides):
    """It runs, at a rate, with an end that can be seen; then it is interrupted, and says so."""
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            # So slow that it would take some seconds, a chunk one of them.
            group.start_soon(partial(sides.start, "schema-to-schema", jobs=1, max_mb_per_second=0.005))
            status = await sides.status()
            while not (status.rows_per_second and status.tables[0].chunks_done):
                status = await sides.status()
            group.cancel_scope.cancel()
    assert (status.phase, status.running, status.paused) == ("copying", True, False)
    assert 0 < status.rows < status.estimated_rows
    assert status.eta_seconds == pytest.approx((status.estimated_rows - status.rows) / status.rows_per_second)
    assert status.bytes_per_second > status.rows_per_second
    assert status.tables[0].state == "copying"
    assert 0 < status.tables[0].chunks_done < status.tables[0].chunks
    status = await sides.status()
    assert (status.running, status.eta_seconds, status.last_error) == (False, None, "it was interrupted")
