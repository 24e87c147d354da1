"""Carries a run's events to observers (called at once) and subscribers (async iterators, each at its own pace)."""

from __future__ import annotations

import itertools
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio

from confiture.model import Event, Progress

__all__ = ["Bus", "Subscription"]

_log = logging.getLogger("confiture")


class Subscription:
    """An async iterator over events. Nothing is dropped but progress that newer progress of its step replaces."""

    def __init__(self) -> None:
        self._events: OrderedDict[int, Event] = OrderedDict()
        self._progress: dict[str, int] = {}
        self._numbers = itertools.count()
        self._arrived = anyio.Event()
        self._closed = False

    def push(self, event: Event) -> None:
        """Add an event, in place of progress of the same step that still waits."""
        number = next(self._numbers)
        if isinstance(event, Progress):
            self._events.pop(self._progress.get(event.step, -1), None)
            self._progress[event.step] = number
        self._events[number] = event
        self._arrived.set()

    def close(self) -> None:
        """No more events: the iteration ends after those that wait."""
        self._closed = True
        self._arrived.set()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._arrived = anyio.Event()
            await self._arrived.wait()
        return self._events.popitem(last=False)[1]


class Bus:
    """One run's events. ``emit`` never waits and never raises."""

    def __init__(self, observers: tuple[Callable[[Event], None], ...] = ()) -> None:
        self._observers = list(observers)
        self._subscriptions: list[Subscription] = []
        self._closed = False

    def observe(self, observer: Callable[[Event], None]) -> None:
        """Call ``observer`` with every event from here on."""
        self._observers.append(observer)

    def emit(self, event: Event) -> None:
        """Tell everyone. An observer that raises is logged and heard no more: it must not end the run."""
        for observer in tuple(self._observers):
            try:
                observer(event)
            except Exception:
                _log.exception("an event observer failed and was taken off: %r", observer)
                self._observers.remove(observer)
        for subscription in self._subscriptions:
            subscription.push(event)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Subscription]:
        """A subscription that ends with the block."""
        subscription = Subscription()
        self._subscriptions.append(subscription)
        if self._closed:
            subscription.close()
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)
            subscription.close()

    def close(self) -> None:
        """End every subscription, once it has handed out what waits."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.close()
