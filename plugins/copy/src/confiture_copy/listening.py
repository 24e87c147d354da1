"""Hears a server that has had enough of a COPY before all rows are sent.

The driver looks for an answer only when its data is through: a constraint that the tenth row breaks would be told after
five million more, and where the server is killed while the socket is full, never. What it lacks is done with what
asyncio offers: the transport hands its bytes to this protocol, which hands them on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["hearing"]

#: ReadyForQuery, in a failed transaction. It ends what the server says; every other message ends with a zero byte.
_FAILED = b"Z\x00\x00\x00\x05E"


class _Listener(asyncio.Protocol):
    def __init__(self, driver: Any, stop: Callable[[], None]) -> None:
        self._driver = driver
        self._stop = stop
        self._said = b""

    def data_received(self, data: bytes) -> None:
        self._driver.data_received(data)
        self._said = (self._said + data[-len(_FAILED) :])[-len(_FAILED) :]
        if self._said == _FAILED:
            self._stop()

    def connection_lost(self, error: Exception | None) -> None:
        self._driver.connection_lost(error)
        self._driver.resume_writing()  # else it would wait for room in the socket for ever
        self._stop()

    def eof_received(self) -> Any:
        return self._driver.eof_received()

    def pause_writing(self) -> None:
        self._driver.pause_writing()

    def resume_writing(self) -> None:
        self._driver.resume_writing()


@contextmanager
def hearing(connection: Connection, stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` when the server fails the transaction, or goes away, within the block."""
    transport: Any = getattr(connection, "_transport", None)
    if transport is None:  # another driver, or a later one: it is told at the end
        yield
        return
    driver = transport.get_protocol()
    transport.set_protocol(_Listener(driver, stop))
    try:
        yield
    finally:
        if not transport.is_closing():
            transport.set_protocol(driver)
