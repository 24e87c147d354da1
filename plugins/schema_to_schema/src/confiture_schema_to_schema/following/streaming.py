"""The rows of a query on one side into a table of the other, within transactions that are open on both."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import anyio

from confiture.connect import cancel_until
from confiture.translate import collapse

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["stream"]

#: What may wait between the two sides.
_WAITING_BYTES: Final = 4 << 20


async def stream(
    source: Connection, query: str, target: Connection, schema: str | None, table: str, columns: Sequence[str]
) -> int:
    """Copy them, as text: each value is read by its column. How many they were. A side that fails ends the other."""
    return await _Streaming(source, target).run(query, schema, table, columns)


class _Streaming:
    def __init__(self, source: Connection, target: Connection) -> None:
        self._source = source
        self._target = target
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self._given_up = False
        self._read = anyio.Event()
        self._filled = anyio.Event()
        self._emptied = anyio.Event()
        self._rows = 0

    async def run(self, query: str, schema: str | None, table: str, columns: Sequence[str]) -> int:
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._stop)
                group.start_soon(self._reading, query)
                group.start_soon(self._writing, schema, table, columns)
        except BaseExceptionGroup as errors:
            failure = collapse(errors)
        else:
            return self._rows
        raise failure

    async def _stop(self) -> None:
        """Where it is ended before its time, the server is to end the query, and who fills is not to wait for room."""
        try:
            await self._read.wait()
        finally:
            if not self._read.is_set():
                self._give_up()
                await cancel_until(self._source, self._read)

    async def _reading(self, query: str) -> None:
        stopped = False
        try:
            with anyio.CancelScope(shield=True):  # see _stop
                await self._source.copy_from_query(query, output=self._fill, format="text")
        except Exception:
            stopped = self._given_up
            if not stopped:
                raise
        finally:
            self._read.set()
        await anyio.lowlevel.checkpoint_if_cancelled()
        if not stopped:
            self._ended = True
            self._filled.set()

    async def _writing(self, schema: str | None, table: str, columns: Sequence[str]) -> None:
        try:
            tag = await self._target.copy_to_table(
                table, schema_name=schema, columns=list(columns), source=self, format="text"
            )
            self._rows = int(tag.split()[-1])
        finally:
            self._give_up()

    async def _fill(self, piece: bytearray) -> None:
        if self._given_up:
            return
        self._pieces.append(bytes(piece))
        self._bytes += len(piece)
        self._filled.set()
        with anyio.CancelScope(shield=True):
            while self._bytes > _WAITING_BYTES and not self._given_up:
                self._emptied = anyio.Event()
                await self._emptied.wait()

    def _give_up(self) -> None:
        self._given_up = True
        self._filled.set()
        self._emptied.set()

    def __aiter__(self) -> _Streaming:
        return self

    async def __anext__(self) -> bytes:
        while not self._pieces:
            if self._ended or self._given_up:
                raise StopAsyncIteration
            self._filled = anyio.Event()
            await self._filled.wait()
        piece = self._pieces.popleft()
        self._bytes -= len(piece)
        self._emptied.set()
        return piece
