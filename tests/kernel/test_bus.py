"""Events reach observers at once and subscribers at their own pace."""

from __future__ import annotations

import anyio
import pytest

from confiture.bus import Bus
from confiture.model import Logged, Note, Progress, StepFinished, StepStarted, WarningRaised

pytestmark = pytest.mark.anyio


def progress(step: str, done: int) -> Progress:
    return Progress(step=step, done=done)


async def heard_late(events) -> list:
    """What a subscriber gets that looks only when all is over."""
    bus = Bus()
    async with bus.subscribe() as subscription:
        for event in events:
            bus.emit(event)
        bus.close()
        return [event async for event in subscription]


async def test_a_slow_subscriber_gets_the_newest_progress_of_each_step():
    """Else a bar that is drawn slowly would fall behind for ever, and memory would grow."""
    events = [progress(step, done) for done in range(1000) for step in ("a", "b")]
    assert await heard_late(events) == [progress("a", 999), progress("b", 999)]


async def test_nothing_else_is_dropped_nor_reordered():
    """A warning that is lost is worse than a slow bar."""
    events = [
        StepStarted(step="a", label="A"),
        Note(message="1"),
        WarningRaised(message="2"),
        progress("a", 1),
        Logged(message="3"),
        progress("a", 2),
        StepFinished(step="a", seconds=1.0),
        Note(message="1"),
        progress("b", 1),
    ]
    assert await heard_late(events) == [event for event in events if event != progress("a", 1)]


async def test_a_subscriber_that_keeps_up_gets_everything():
    """Progress is only merged where it would pile up."""
    bus, got = Bus(), []
    async with bus.subscribe() as subscription, anyio.create_task_group() as tasks:

        async def listen() -> None:
            async for event in subscription:
                got.append(event)

        tasks.start_soon(listen)
        for done in range(3):
            bus.emit(progress("a", done))
            await anyio.wait_all_tasks_blocked()
        bus.close()
    assert got == [progress("a", done) for done in range(3)]


async def test_an_observer_that_raises_is_logged_and_heard_no_more(caplog):
    """A broken log shipper must not end a migration; the others go on hearing."""
    heard, calls = [], []

    def broken(event) -> None:
        calls.append(event)
        raise RuntimeError("disk full")

    bus = Bus((broken, heard.append))
    bus.emit(Note(message="1"))
    bus.emit(Note(message="2"))
    assert [event.message for event in heard] == ["1", "2"]
    assert len(calls) == 1
    assert "an event observer failed and was taken off" in caplog.text


async def test_a_subscription_ends_with_the_run(kernel_run):
    """A program's ``async for`` over the events must come to an end by itself."""
    got = []
    async with anyio.create_task_group() as tasks, kernel_run() as run:

        async def listen() -> None:
            async with run.bus.subscribe() as subscription:
                async for event in subscription:
                    got.append(event)

        tasks.start_soon(listen)
        await anyio.wait_all_tasks_blocked()
        run.emit(Note(message="hello"))
    assert got == [Note(message="hello")]


async def test_a_subscription_that_comes_too_late_ends_at_once(kernel_run):
    """Instead of waiting for ever for events that nobody will emit."""
    async with kernel_run() as run:
        pass
    async with run.bus.subscribe() as subscription:
        assert [event async for event in subscription] == []


async def test_observers_of_the_kernel_and_of_plugins_hear_a_run(kernel_run, make_plugin, registry):
    """One stream for all."""
    ours, theirs = [], []
    registry.register(make_plugin(confiture_event=lambda event: theirs.append(event)), "observer")
    async with kernel_run(observers=[ours.append]) as run:
        run.emit(Note(message="hello"))
    assert ours == theirs == [Note(message="hello")]
