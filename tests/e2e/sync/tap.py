"""A wire to a server that hears everything: ``said`` is what the client sent, ``heard`` what came back."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from confiture.model import Target


class Tap:
    """``target`` is the server through a socket of its own, as long as the block lasts."""

    def __init__(self, server: Target) -> None:
        # Not tmp_path: a socket's path must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="tap", dir="/tmp"))
        self.target = Target(label="tap", params={**server.params, "host": str(self.folder), "port": "5432"})
        self._behind = f"{server.params['host']}/.s.PGSQL.{server.params.get('port', '5432')}"
        self._parts: dict[str, list[bytes]] = {"said": [], "heard": []}
        self._listener = socket.socket(socket.AF_UNIX)
        self._sockets = [self._listener]
        self._threads: list[threading.Thread] = []

    @property
    def said(self) -> bytes:
        """What the client sent, over all connections."""
        return b"".join(self._parts["said"])

    @property
    def heard(self) -> bytes:
        """What the server sent."""
        return b"".join(self._parts["heard"])

    def __enter__(self) -> Tap:
        self._listener.bind(str(self.folder / ".s.PGSQL.5432"))
        self._listener.listen(32)
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # who waits for it wakes up
        for thread in self._threads:
            thread.join(10)
        for each in self._sockets:
            each.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._behind)
            self._sockets += [client, server]
            self._start(self._pass, client, server, "said")
            self._start(self._pass, server, client, "heard")

    def _start(self, work: Callable[..., None], *values: object) -> None:
        self._threads.append(threading.Thread(target=work, args=values, daemon=True))
        self._threads[-1].start()

    def _pass(self, one: socket.socket, other: socket.socket, name: str) -> None:
        try:
            while part := one.recv(65536):
                self._parts[name].append(part)
                other.sendall(part)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass
