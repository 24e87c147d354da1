"""The same from async code: a typed request, progress to iterate over or to be called with, and cancellation."""

from __future__ import annotations

import anyio
import pytest

from confiture.config.dsn import to_uri
from confiture.errors import ConfigError
from confiture.kernel import Kernel
from confiture.model import Event, Progress, StepFinished, StepStarted, Target

SCHEMA = "CREATE TABLE big (id bigint PRIMARY KEY, filler text); CREATE INDEX big_filler ON big (left(filler, 9));"


@pytest.fixture(scope="module")
def source(new_database, psql) -> Target:
    """Rows that take a moment."""
    target = new_database()
    psql(
        target, SCHEMA + "INSERT INTO big SELECT i, repeat('0123456789', 20) FROM generate_series(1, 150000) i; ANALYZE"
    )
    return target


@pytest.fixture
def sides(source: Target, database: Target, psql) -> dict[str, str]:
    """The two databases, as the request has them."""
    psql(database, SCHEMA)
    return {"source": to_uri(source.params), "target": to_uri(database.params)}


@pytest.mark.anyio
async def test_progress_is_iterated_over_or_called_with(sides, project, database, psql) -> None:
    """Either hears the rows of each table, and of all; the report is the medium's struct."""
    called: list[Event] = []
    iterated: list[Event] = []

    async def listen(events) -> None:
        async for event in events:
            iterated.append(event)

    async with (
        Kernel(project.root, observers=[called.append]).run() as run,
        anyio.create_task_group() as tasks,
        run.bus.subscribe() as events,
    ):
        tasks.start_soon(listen, events)
        report = await run.start("sync", **sides)
    assert (report.rows, report.exit_code) == (150_000, 0)
    for heard in (called, iterated):
        steps = [(type(event), event.step) for event in heard if isinstance(event, StepStarted | StepFinished)]
        assert steps.index((StepStarted, "sync.public.big")) < steps.index((StepFinished, "sync.public.big"))
        rows = [event.done for event in heard if isinstance(event, Progress) and event.step == "sync.public.big"]
        assert rows == sorted(rows)
        assert rows[-1] == 150_000
        assert any(isinstance(event, Progress) and event.step == "sync.public.big.bytes" for event in heard)
    assert psql(database, "SELECT count(*), sum(id) FROM big") == "150000|11250075000"


@pytest.mark.anyio
async def test_a_request_that_means_nothing_is_told_of(project) -> None:
    """By its fields' names; nothing is connected to."""
    async with Kernel(project.root).run() as run:
        with pytest.raises(ConfigError, match="sync takes no 'tabels'"):
            await run.start("sync", source="a", target="b", tabels=("x",))


@pytest.mark.anyio
async def test_cancellation_leaves_no_session_and_no_half_table(
    sides, project, database, psql, no_session_left
) -> None:
    """The rows that were there are taken out, what was taken off is back, and nothing is recorded as unfinished."""
    before = psql(database, "SELECT indexdef FROM pg_indexes WHERE tablename = 'big' ORDER BY 1")

    with anyio.CancelScope() as scope:

        def stop(event: Event) -> None:
            if isinstance(event, Progress) and event.step == "sync.public.big" and event.done:
                scope.cancel()

        async with Kernel(project.root, observers=[stop]).run() as run:
            await run.start("sync", **sides, jobs=2)
    assert scope.cancelled_caught
    assert psql(database, "SELECT count(*) FROM big") == "0"
    assert psql(database, "SELECT indexdef FROM pg_indexes WHERE tablename = 'big' ORDER BY 1") == before
    no_session_left(database)
    async with Kernel(project.root).run() as run:
        report = await run.start("sync", **sides)
    assert report.rows == 150_000
