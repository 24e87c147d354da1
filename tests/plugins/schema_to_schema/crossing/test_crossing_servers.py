"""Either server crashes while it follows, and in each phase of a cutover: one side is live, by plain SQL."""

from __future__ import annotations

import asyncio
from functools import partial

import anyio
import pytest
from anyio import to_thread

from confiture.errors import ConnectionLost, ExecutionError, OutcomeUnknown, ServerUnreachable
from confiture.model import StepFinished, StepStarted
from confiture_schema_to_schema.crossing import crossing
from conftest import run_psql
from e2e.migrate.servers import OwnServer
from plugins.schema_to_schema.crossing.conftest import CONFIG, MAP, NEW, OLD, Move

pytestmark = pytest.mark.anyio

NOTES = "SELECT count(*) FROM notes"
ASK = "UPDATE confiture.confiture_move_epochs SET asked_to_end = true"
#: Before the lock, behind it, and before and after the commit.
PREPARE, DRAIN = ("prepare", StepStarted), ("drain", StepStarted)
FENCE, DECIDE = ("fence", StepFinished), ("decide", StepFinished)


@pytest.fixture(scope="module")
def servers():
    """The old database's, and the new one's."""
    old, new = OwnServer(), OwnServer()
    yield old, new
    old.end()
    new.end()


@pytest.fixture
async def apart(project, servers, kernel_run, request) -> Move:
    """A migration from one server to the other whose rows are copied."""
    project.config(CONFIG)
    project.write("db/migration_map.yaml", MAP)
    left = list(servers)

    def new_database():
        server = left.pop(0)
        run_psql(server.target, f'CREATE DATABASE "{request.node.name}"')
        return server.target.with_database(request.node.name)

    # A connection that is lost while the driver is at work leaves a future that nobody reads.
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    move = Move(project, new_database, kernel_run, (OLD, NEW))
    await move.start()
    return move


class At:
    """Does something once, when a step begins or ends."""

    def __init__(self, medium: str, at: tuple[str, type], do) -> None:
        self._at, self._do = (".".join(filter(None, ("schema-to-schema", medium, at[0]))), at[1]), do
        self.done = False

    def __call__(self, event: object) -> None:
        if not self.done and self._at == (getattr(event, "step", ""), type(event)):
            self.done = True
            self._do()


async def test_either_server_crashes(apart, servers, monkeypatch):
    """It goes on following; a cutover is taken back or completed when the server is there again, or stays away."""
    old, new = servers
    # Nobody waits for the disk here, save who has to.
    for server, place in ((old, apart.source), (new, apart.target)):
        run_psql(server.target, "ALTER SYSTEM SET wal_writer_delay = '10s'")
        run_psql(server.target, "SELECT pg_reload_conf()")
        run_psql(place, f'ALTER DATABASE "{place.database}" SET synchronous_commit = off')
    reports = []

    async def follow() -> None:
        reports.append(await apart.start("-follow"))

    async with anyio.create_task_group() as group:
        group.start_soon(follow)
        for number, server in enumerate((None, old, new)):
            if server is not None:
                server.restart("immediate")
            # What the other side has is on the disk of the one that had it first.
            run_psql(apart.source, f"INSERT INTO notes VALUES ({1000 + number}, 1, 'x')")
            with anyio.fail_after(60):
                # Who follows is in this very process, and may have locked the table.
                while await to_thread.run_sync(run_psql, apart.target, NOTES) != str(61 + number):
                    await anyio.sleep(0.05)
        assert run_psql(apart.source, NOTES) == run_psql(apart.target, NOTES)
        await to_thread.run_sync(run_psql, apart.target, ASK)
    assert reports[0].ended == "taken over by a cutover"
    number = 0
    for medium, name, cases in (
        ("cutover", "production", ((DRAIN, old), (FENCE, old), (DRAIN, new))),
        ("rollback", "production_new", ((DECIDE, new),)),
        ("cutover", "production", ((PREPARE, old),)),
        ("rollback", "production_new", ((FENCE, old),)),
    ):
        live, table = (True, False), apart.source
        if medium == "rollback":
            live, table = live[::-1], apart.target
        for at, server in cases:
            number += 1
            run_psql(table, f"SET synchronous_commit = on; INSERT INTO notes VALUES ({2000 + number}, 1, 'x')")
            crash = At(medium, at, partial(server.restart, "immediate"))
            if (at, server) == cases[-1]:  # nothing that only this server knew is lost with it
                assert (await apart.start(f"-{medium}", observers=[crash])).paused_seconds < 30
                assert await apart.live() == live[::-1]
            else:
                with pytest.raises(ConnectionLost, match=f"^nothing was decided, and '{name}' is the live"):
                    await apart.start(f"-{medium}", observers=[crash])
                assert await apart.live() == live
            assert crash.done
    assert (await apart.start("-cutover", observers=[At("cutover", DECIDE, partial(new.restart, "immediate"))])).live
    assert (run_psql(apart.target, NOTES), apart.same()) == (str(63 + number), True)
    assert (await apart.start("-rollback")).live == "old"
    await _stay_away(apart, servers, monkeypatch)


async def _stay_away(apart, servers, monkeypatch) -> None:
    """It is named, with where it was looked for, and what to do; when it is there again, `resume` ends it."""
    old, new = servers
    monkeypatch.setattr(crossing, "_AWAY_S", 0.6)
    for server, name in ((old, "production"), (new, "production_new")):
        apart.project.config(f"{CONFIG}max_away_s = 0.6\n")
        stopped = At("follow", ("", StepStarted), partial(server.stop, "immediate"))
        with pytest.raises(ServerUnreachable, match=f"cannot reach the server of '{name}'"):
            await apart.start("-follow", observers=[stopped])
        server.start()
    script = apart.project.write("told.sh", '#!/bin/sh\necho "$CONFITURE_STEP" >> told\n')
    script.chmod(0o755)
    steps = "".join(f'{step} = ["./told.sh"]\n' for step in ("hold", "switch", "release"))
    apart.project.config(f"{CONFIG}[command]\n{steps}")
    for at, server, name, error, live in (
        (DRAIN, old, "production", OutcomeUnknown, (True, False)),
        (DRAIN, new, "production_new", OutcomeUnknown, (True, False)),
        (FENCE, new, "production_new", ExecutionError, (False, True)),
    ):
        away = f"cannot reach the server of '{name}' at socket {server.folder}"
        with pytest.raises(error, match=away) as raised:
            away_at = At("cutover", at, partial(server.stop, "immediate"))
            await apart.start("-cutover", observers=[away_at], switch="command")
        # Nobody is held up until it is there again.
        assert (apart.project.root / "told").read_text().split()[-2:] == ["hold", "release"] or live == (False, True)
        assert (type(raised.value), "resume" in str(raised.value.hint)) == (error, True)
        for medium in ("-cutover", "-settle", "-follow"):
            with pytest.raises(ServerUnreachable, match=away):
                await apart.start(medium)
        if server is old:
            assert (await apart.start("-status")).live is None
        server.start()
        assert (await apart.start("-settle")).live == ("new", "old")[live[0]]
        assert await apart.live() == live
    assert apart.same()
