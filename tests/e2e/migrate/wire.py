"""A wire between a client and a server that can be cut: before a message arrives, behind it, or behind its answer.

A *turn* is what a client sends before it waits for an answer: a simple query, or an extended one up to its Sync.
Turns are counted over all connections through the wire. Runs in a thread of its own, so that the client may be this
process or another one.
"""

from __future__ import annotations

import asyncio
import shutil
import struct
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from confiture.model import Target

#: ``pass``: as if there were no wire. ``before``: the turn does not arrive. ``during``: it arrives, and the client is
#: gone by then. ``after``: the server has answered, and nobody hears it.
Action = Literal["pass", "before", "during", "after"]
Decide = Callable[[int, str], Action]

_STARTUPS_OF_NO_SESSION = {80877102, 80877103, 80877104}


class Wire:
    """``target`` through a socket of its own. ``decide(number, text)`` says what becomes of a turn.

    ``held``: the connection is not cut but kept, silent, until the client goes; ``reached`` is set when that is so.
    ``closed``: nobody is let in any more, as after a cut unless it ``reopens``. ``turns`` are the texts so far.
    """

    def __init__(self, server: Target, *, held: bool = False) -> None:
        # Not tmp_path: a socket's path must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="wire", dir="/tmp"))
        self.target = Target(label="wire", params={**server.params, "host": str(self.folder), "port": "5432"})
        self.decide: Decide = lambda number, text: "pass"
        self.held = held
        self.reopens = False
        self.closed = False
        self.turns: list[str] = []
        self.reached = threading.Event()
        self._behind = f"{server.params['host']}/.s.PGSQL.{server.params.get('port', '5432')}"
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def arm(self, decide: Decide) -> None:
        """Begin to count anew."""
        self.turns.clear()
        self.reached.clear()
        self.closed = False
        self.decide = decide

    def cut(self) -> None:
        """Cut all connections now."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(10)

    def end(self) -> None:
        """Cut everything and go."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        shutil.rmtree(self.folder)

    async def _listen(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self.folder / ".s.PGSQL.5432")

    async def _cut(self) -> None:
        for writer in tuple(self._writers):
            writer.close()

    async def _end(self) -> None:
        self._server.close()
        await self._cut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait(others, timeout=5) if others else None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.closed:
            writer.close()
            return
        behind_reader, behind = await asyncio.open_unix_connection(self._behind)
        self._writers |= {writer, behind}
        answers = _Answers(behind_reader, writer)
        task = asyncio.create_task(answers.run())
        try:
            await self._pass_on(reader, behind, answers)
        except (asyncio.IncompleteReadError, OSError):
            pass  # one of the two has gone
        finally:
            for each in (behind, writer):
                each.close()
                self._writers.discard(each)
            await task

    async def _pass_on(self, reader: asyncio.StreamReader, behind: asyncio.StreamWriter, answers: _Answers) -> None:
        head = await reader.readexactly(8)
        length, code = struct.unpack("!II", head)
        behind.write(head + await reader.readexactly(length - 8))
        if code in _STARTUPS_OF_NO_SESSION:
            await reader.read()
            return
        turn = b""
        while True:
            kind = await reader.readexactly(1)
            size = await reader.readexactly(4)
            turn += kind + size + await reader.readexactly(struct.unpack("!I", size)[0] - 4)
            if kind not in (b"Q", b"S"):
                if kind in (b"X", b"p", b"d", b"c", b"f", b"H"):
                    behind.write(turn)
                    turn = b""
                continue
            text = turn.decode("utf-8", "replace")
            self.turns.append(text)
            action = self.decide(len(self.turns), text)
            if action == "pass":
                behind.write(turn)
                await behind.drain()
                turn = b""
                continue
            answers.silent = True
            if action != "before":
                behind.write(turn)
                await behind.drain()
            if action == "after":
                await answers.ready.wait()
            self.reached.set()
            if self.held:
                await reader.read()
            else:
                self.closed = not self.reopens
                await self._cut()
            return


class _Answers:
    """What the server says. ``silent``: it does not arrive; ``ready`` is set when the server has said all of it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.silent = False
        self.ready = asyncio.Event()

    async def run(self) -> None:
        tail = b""
        try:
            while data := await self._reader.read(1 << 16):
                if not self.silent:
                    self._writer.write(data)
                    await self._writer.drain()
                    continue
                tail = (tail + data)[-6:]
                if tail.startswith(b"Z\0\0\0\5") or data.startswith(b"G"):  # G: it waits for COPY's data
                    self.ready.set()
        except OSError:
            pass
        finally:
            self.ready.set()
            self._writer.close()
