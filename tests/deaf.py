"""A network between a program and its server that is cut, of which the server does not come to know."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from confiture.model import Target

__all__ = ["Network", "network"]


class Network:
    """``target`` is the server by this way. ``closed``: nobody gets through."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.closed = False
        self._cuts = 0
        self._clients: set[asyncio.StreamWriter] = set()
        self._servers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """All clients see that their connections are gone."""
        self._cuts += 1  # those too that are just coming through
        for client in self._clients:
            client.transport.abort()
        self._clients.clear()

    async def serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter, path: str) -> None:
        if self.closed:
            back.transport.abort()
            return
        cuts = self._cuts
        server, there = await asyncio.open_unix_connection(path)
        if self.closed or self._cuts != cuts:
            there.transport.abort()
            back.transport.abort()
            return
        self._clients.add(back)
        self._servers.add(there)
        for reader, writer, other in ((client, there, back), (server, back, None)):
            task = asyncio.ensure_future(self._pump(reader, writer, other))
            self._tasks.add(task)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: asyncio.StreamWriter | None
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            if client is None or client in self._clients:  # it has said good-bye
                writer.close()

    async def aclose(self) -> None:
        for writer in (*self._clients, *self._servers):
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def network(target: Target, *, tcp: bool = False) -> AsyncIterator[Network]:
    """A way to the server of ``target`` until the block ends, by a socket in a folder or by ``tcp``."""
    name = f".s.PGSQL.{target.params.get('port', '5432')}"
    with tempfile.TemporaryDirectory(prefix="net", dir="/tmp") as folder:
        made = Network(Target(label=target.label, params={**target.params, "host": folder}))
        path = str(Path(target.params["host"]) / name)

        async def serve(client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
            await made.serve(client, back, path)

        if tcp:
            listening = await asyncio.start_server(serve, "127.0.0.1", 0)
            host, port = listening.sockets[0].getsockname()
            made.target = Target(label=target.label, params={**target.params, "host": host, "port": str(port)})
        else:
            listening = await asyncio.start_unix_server(serve, str(Path(folder) / name))
        try:
            yield made
        finally:
            listening.close()
            await made.aclose()
