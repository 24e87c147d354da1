"""The same from async code: the page's program, events, cancellation and what is left to go on with."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from confiture import Kernel
from confiture.config.dsn import to_uri
from confiture.model import Event, Progress, StepFinished, StepStarted, Target
from confiture_schema_to_schema.model import SchemaToSchemaReport, SchemaToSchemaRequest, StatusReport, StatusRequest

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "schema-to-schema.md"
OLD = """
CREATE TABLE big (id bigint PRIMARY KEY, filler text);
INSERT INTO big SELECT i, repeat('0123456789', 20) FROM generate_series(1, 20000) AS i;
ANALYZE;
"""
NEW = "CREATE TABLE big (id bigint PRIMARY KEY, filler text); CREATE INDEX big_filler ON big (left(filler, 9));"
BIG = "schema-to-schema.public.big"


@pytest.fixture(scope="module")
def old(new_database, psql) -> Target:
    """Rows that take several chunks."""
    target = new_database()
    psql(target, OLD)
    return target


@pytest.fixture
def shop(project, old: Target, database: Target, server: Target, monkeypatch: pytest.MonkeyPatch):
    """A project ``shop`` below the working folder."""
    project.root = project.root.rename(project.root.with_name("shop"))
    project.config(f"[scratch]\nurl = '{to_uri(server.params)}'\n[schema-to-schema]\nchunk_mb = 1\nstrategy = 'copy'\n")
    project.environment_for(old, "production")
    project.environment_for(database, "production_new")
    project.schema("tables.sql", NEW)
    monkeypatch.chdir(project.root.parent)
    return project


async def test_the_program_of_the_page(shop, database, psql) -> None:
    """It copies and proves, as it is written."""
    program = PAGE.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    names: dict[str, object] = {}
    exec(program, names)
    assert await names["move"]() is True  # type: ignore[operator]
    assert psql(database, "SELECT count(*), sum(id) FROM big") == "20000|200010000"


async def test_cancellation_leaves_no_session_and_can_be_gone_on_with(shop, database, psql, no_session_left) -> None:
    """Observers hear of each table from its first row to its last; what is there stays."""
    heard: list[Event] = []
    with anyio.CancelScope() as scope:

        def stop(event: Event) -> None:
            if isinstance(event, Progress) and event.step == BIG and event.done:
                scope.cancel()

        async with Kernel(shop.root, observers=[stop]).run() as run:
            await run.start("schema-to-schema", SchemaToSchemaRequest(jobs=1))
    assert scope.cancelled_caught
    no_session_left(database)
    assert psql(database, "SELECT count(*) FROM big") != "20000"
    async with Kernel(shop.root, observers=[heard.append]).run() as run:
        status: StatusReport = await run.start("schema-to-schema-status", StatusRequest())
        assert (status.phase, status.running) == ("copying", False)
        report: SchemaToSchemaReport = await run.start("schema-to-schema", SchemaToSchemaRequest(resume=True))
    assert (report.resumed, report.rows, report.exit_code) == (True, 20_000, 0)
    assert psql(database, "SELECT count(*), sum(id) FROM big") == "20000|200010000"
    steps = [(type(event), event.step) for event in heard if isinstance(event, StepStarted | StepFinished)]
    assert steps.index((StepStarted, BIG)) < steps.index((StepFinished, BIG))
    rows = [event.done for event in heard if isinstance(event, Progress) and event.step == BIG]
    assert rows == sorted(rows)
    assert rows[-1] == 20_000
