"""A pooler that dies in the middle of a cutover, and one whose clients wait where the tool died."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import asyncpg
import pytest

from confiture.errors import ExecutionError, ServerUnreachable
from confiture.model import StepStarted, Target
from confiture_schema_to_schema.crossing import crossing
from conftest import run_psql
from plugins.schema_to_schema.crossing.conftest import kill as killed
from pooler import kill, serving, shop_config, shop_pooler

pytestmark = pytest.mark.anyio

TRIGGERS = "SELECT count(*) FROM pg_trigger WHERE tgname ~ 'zzzz_confiture' AND NOT tgisinternal"


def dying(folder: Path, step: str, direction: str = "cutover") -> Callable[[object], None]:
    """An observer that kills the pooler when that step begins."""

    def see(event: object) -> None:
        if isinstance(event, StepStarted) and event.step == f"schema-to-schema.{direction}.{step}":
            kill(folder)

    return see


async def served(folder: Path) -> str:
    """The database that clients of the pooler get to."""
    connection = await asyncpg.connect(host=str(folder), port=6432, user="app", database="shop", statement_cache_size=0)
    try:
        return await connection.fetchval("SELECT current_database()")
    finally:
        await connection.close()


async def test_a_pooler_that_dies(moved, monkeypatch):
    """Before the decision all is as it was; after it, what is left is done when the pooler is back, or without it."""
    monkeypatch.setattr(crossing, "_AWAY_S", 0.5)
    with shop_pooler(moved.source) as folder:
        config = (moved.project.root / "confiture.toml").read_text()
        moved.project.config(config + shop_config(folder))
        with pytest.raises(ExecutionError, match=r"is the live database still, and .* cannot reach") as told:
            await moved.start("-cutover", switch="pgbouncer", observers=[dying(folder, "drain")])
        assert "by hand" in (told.value.hint or "")
        assert (await moved.live(), run_psql(moved.target, TRIGGERS)) == ((True, False), "0")
        run_psql(moved.source, "UPDATE accounts SET balance = 8 WHERE id = 8")
        with serving(folder):
            assert await served(folder) == moved.source.database
            with pytest.raises(ExecutionError, match="is the live database now, and not all is done"):
                await moved.start("-cutover", switch="pgbouncer", observers=[dying(folder, "open")])
            assert (await moved.live(), moved.same()) == ((False, True), True)
        with serving(folder):
            assert (await moved.start("-settle")).live == "new"
            assert await served(folder) == moved.target.database
            with pytest.raises(ExecutionError, match="is the live database now, and not all is done") as told:
                await moved.start("-rollback", switch="pgbouncer", observers=[dying(folder, "open", "rollback")])
        assert "resume --switch none" in (told.value.hint or "")
        with pytest.raises(ServerUnreachable) as told:
            await moved.start("-settle")
        assert "resume --switch none" in (told.value.hint or "")
        assert (await moved.start("-settle", switch="none")).live == "old"
        assert await moved.live() == (True, False)
        assert [each.outcome for each in (await moved.start("-status")).crossings] == ["given up", "crossed", "crossed"]


async def test_killed_while_clients_wait(moved):
    """They wait, and see no error: `resume` has them go on, at the old database where it was not decided."""
    seen = []

    def waits(pool: str) -> bool:
        name, _, _, waiting, *_ = pool.split("|")
        return (name, waiting) == ("shop", "1")

    async def ask(folder: Path) -> None:
        seen.append(await served(folder))

    with shop_pooler(moved.source) as folder:
        moved.project.config((moved.project.root / "confiture.toml").read_text() + shop_config(folder))
        console = Target(
            label="boss", params={"host": str(folder), "port": "6432", "user": "boss", "dbname": "pgbouncer"}
        )
        for direction, step, event, live in (
            ("cutover", "hold", "Finished", "old"),
            ("cutover", "switch", "Started", "new"),
            ("rollback", "release", "Started", "old"),
        ):
            await killed(moved, direction, step, event, switch="pgbouncer")
            with anyio.fail_after(30):
                async with anyio.create_task_group() as group:
                    group.start_soon(ask, folder)
                    while not any(map(waits, run_psql(console, "SHOW POOLS").splitlines())):
                        await anyio.sleep(0.01)
                    told = await moved.start("-settle")
            assert (told.live, seen.pop()) == (live, (moved.source if live == "old" else moved.target).database)
    assert (await moved.live(), seen) == ((True, False), [])
