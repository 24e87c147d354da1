"""Moves the bytes: COPY out of one connection, COPY into another, and as little as possible between them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

import anyio

from confiture.model import Progress
from confiture_copy.binary import SIGNATURE, count_rows

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["Masker", "Meter", "Pipe"]

#: What may wait between the two sides. The driver hands out what it read at once, up to 256 kB: some of these, so that
#: neither side waits for the other's next turn, and few enough that memory does not matter.
_WAITING_BYTES: Final = 4 << 20
#: A client that is faster than the server finds a few kB each time it looks, and spends its time with looking: ten
#: times as many reads, a third more CPU. It leaves a server that gave less than this alone for a moment; what a socket
#: holds (200 kB) is filled in that time at 200 MB/s only, so that nobody waits for it.
_SMALL_BYTES: Final = 128 << 10
_MOMENT_S: Final = 0.001
#: A stream that was slower than its limit may be faster for as long as this makes up for.
_MADE_UP_S: Final = 0.5
_TELL_EVERY_S = 0.2
#: Rows of a binary stream are counted in one piece of so many, and told for all of them: counting takes 10 % of a copy.
_COUNTED_OF = 32


class Masker(Protocol):
    """Changes a stream, piece by piece."""

    rows: int

    def feed(self, piece: bytes | bytearray) -> bytes:
        """The piece, masked, as far as its rows are whole."""
        ...

    def end(self) -> None:
        """Raises where a row is not whole."""
        ...


class Pipe:
    """A queue of pieces, bounded by their bytes, between a COPY out, which calls it, and a COPY in, which iterates.

    ``bytes_per_second``: what leaves the source in a second; None: no limit.
    """

    def __init__(self, masker: Masker | None, meter: Meter, bytes_per_second: int | None = None) -> None:
        self._byte_s = 1 / bytes_per_second if bytes_per_second else 0.0
        self._due = time.monotonic()
        self._over = anyio.Event()
        self._masker = masker
        self._meter = meter
        self._pieces: deque[bytes | bytearray] = deque()
        self._bytes = 0
        self._ended = False
        self._given_up = False
        self._failure: Exception | None = None
        self._filled = anyio.Event()
        self._emptied = anyio.Event()

    async def __call__(self, piece: bytearray) -> None:
        """Take a piece; wait while there are too many. A mask that fails is told to who iterates."""
        if self._given_up or self._failure is not None:
            return
        try:
            masked = piece if self._masker is None else self._masker.feed(piece)
        except Exception as error:
            self._failure = error
            self._filled.set()
            return
        self._meter.add(masked, self._masker)
        if masked:
            self._pieces.append(masked)
            self._bytes += len(masked)
            self._filled.set()
        # No cancellation may come in here, and no error out, but while the driver waits for the server: where that has
        # sent its last already, the driver would wait for an answer to its request to cancel, which never comes.
        with anyio.CancelScope(shield=True):
            if len(piece) < _SMALL_BYTES:
                await anyio.sleep(_MOMENT_S)
            while self._bytes > _WAITING_BYTES and not self._given_up:
                self._emptied = anyio.Event()
                await self._emptied.wait()
            if self._byte_s:
                await self._hold_back(len(piece))

    async def _hold_back(self, size: int) -> None:
        """Wait until ``size`` bytes more were due: a socket that nobody reads has the server wait."""
        now = time.monotonic()
        self._due = max(self._due, now - _MADE_UP_S) + size * self._byte_s
        if self._due > now:
            with anyio.move_on_after(self._due - now):
                await self._over.wait()

    def end(self) -> None:
        """All rows are there. Never called where the source failed: the target must not take a part for the whole."""
        if self._failure is not None:
            raise self._failure
        if self._masker is not None:
            self._masker.end()
        self._ended = True
        self._filled.set()

    def give_up(self) -> None:
        """The target takes no more: its driver stops sending, and tells why."""
        self._given_up = True
        self._filled.set()
        self._emptied.set()
        self._over.set()

    def __aiter__(self) -> Pipe:
        return self

    async def __anext__(self) -> bytes | bytearray:
        while not self._pieces or self._given_up or self._failure is not None:
            if self._failure is not None:
                raise self._failure
            if self._ended or self._given_up:
                raise StopAsyncIteration
            self._filled = anyio.Event()
            await self._filled.wait()
        piece = self._pieces.popleft()
        self._bytes -= len(piece)
        self._emptied.set()
        return piece


class Meter:
    """Counts bytes and rows, and tells of both some times a second."""

    def __init__(self, ctx: Context, step: str, estimated_rows: int | None, *, binary: bool) -> None:
        self.bytes = 0
        self._emit: Callable[[Any], None] = ctx.emit
        self._step = step
        self._total = estimated_rows
        self._binary = binary
        self._pieces = 0
        self._counted = [0, 0]
        self._text_rows = 0
        self._next = time.monotonic() + _TELL_EVERY_S

    def add(self, piece: bytes | bytearray, masker: Masker | None) -> None:
        """A piece goes over."""
        self.bytes += len(piece)
        if not self._step:
            return
        if masker is None:
            self._count(piece)
        if (now := time.monotonic()) >= self._next:
            self._next = now + _TELL_EVERY_S
            self.tell(masker.rows if masker is not None else self._rows())

    def tell(self, rows: int) -> None:
        """Emit how far it is."""
        if self._step:
            self._emit(Progress(step=self._step, done=rows, total=self._total, unit="rows"))
            self._emit(Progress(step=f"{self._step}.bytes", done=self.bytes, unit="bytes"))

    def _count(self, piece: bytes | bytearray) -> None:
        if not self._binary:
            self._text_rows += piece.count(b"\n")
        elif self._pieces % _COUNTED_OF == 0 or piece.startswith(SIGNATURE):
            rows, counted = count_rows(piece)
            self._counted[0] += rows
            self._counted[1] += counted
        self._pieces += 1

    def _rows(self) -> int:
        """The rows so far: of a binary stream from the size of those that were counted."""
        if not self._binary:
            return self._text_rows
        rows, counted = self._counted
        return self.bytes * rows // counted if counted else 0
