"""A log that grows too large for its server. Judged by psql."""

from __future__ import annotations

import anyio
import pytest

from confiture.errors import CaptureBroken
from confiture.model import StepStarted
from confiture_schema_to_schema.following import limiting
from conftest import run_psql
from plugins.schema_to_schema.following.conftest import CONFIG, NEW

pytestmark = pytest.mark.anyio

LEFT = (
    "SELECT (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal) + (SELECT count(*) FROM pg_namespace"
    " WHERE nspname = 'confiture_capture')"
)
#: Each is 300 changes.
CHANGE = "UPDATE orders SET total = total + 1"


async def test_a_log_that_grows_too_large_is_removed(following, monkeypatch):
    """While it follows, and while rows are copied; status tells its size."""
    await following.start()
    assert run_psql(following.source, LEFT) != "0"
    following.project.config(CONFIG + "max_log_mb = 0.005\n")
    following.write(CHANGE)
    with pytest.raises(
        CaptureBroken, match=r"300 changes of 'production' wait, 0\.0 MB of log \(max_log_mb is 0.005\)"
    ):
        await following.follow()
    assert run_psql(following.source, LEFT) == "0"
    await following.start("schema-to-schema-cleanup")
    run_psql(following.target, f"DROP SCHEMA public CASCADE; CREATE SCHEMA public; {NEW}")

    following.project.config(CONFIG + "max_log_mb = 0.05\n")
    monkeypatch.setattr(limiting, "_LOOK_EVERY_S", 0.05)

    def pause(event):
        if isinstance(event, StepStarted) and event.step == "schema-to-schema.rows":
            run_psql(following.target, "UPDATE confiture.confiture_moves SET paused = true")
            following.write(CHANGE)

    async def start():
        with pytest.raises(CaptureBroken, match=r"max_log_mb is 0\.05") as broken:
            await following.start(observers=[pause])
        assert "begin anew" in (broken.value.hint or "")

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(start)
            status = await following.start("schema-to-schema-status")
            while status.following is None or not status.following.backlog_entries:
                await anyio.sleep(0.02)
                status = await following.start("schema-to-schema-status")
            assert (status.phase, status.following.backlog_entries) == ("copying", 300)
            assert status.following.backlog_bytes > 10_000
            assert run_psql(following.source, LEFT) != "0"
            for _ in range(9):
                following.write(CHANGE)
    assert run_psql(following.source, LEFT) == "0"
