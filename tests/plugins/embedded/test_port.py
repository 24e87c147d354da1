"""``[embedded] port``: TCP on the loopback address, with a password that nobody else sees."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest

from confiture.errors import ServerError
from confiture_embedded.binaries import find

pytestmark = pytest.mark.anyio


@pytest.fixture
def port():
    """One that is free, and that nobody is given who asks for any."""
    for number in range(20_000, 32_000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", number))
            return number
    raise AssertionError("no port is free")


def shim(folder: Path) -> Path:
    """A bin_dir whose psql writes down its arguments first."""
    real = find().bin_dir
    folder.mkdir()
    for program in real.iterdir():
        (folder / program.name).symlink_to(program)
    (folder / "psql").unlink()
    (folder / "psql").write_text(f'#!/bin/sh\necho "$@" >> {folder}/arguments\nexec {real}/psql "$@"\n')
    (folder / "psql").chmod(0o755)
    return folder


async def test_tcp_asks_for_the_password_in_the_file(own_project, fast_dir, server_run, port):
    """The password is in a file of mode 600 and nowhere else: no argument, no log."""
    bin_dir = shim(fast_dir / "bin")
    (own_project / "confiture.toml").write_text(f"[embedded]\nport = {port}\nbin_dir = '{bin_dir}'\n")
    async with server_run(own_project) as run:
        target = await run.target()
        assert target.params["port"] == str(port)
        file = own_project / ".confiture" / "server" / "password"
        password = file.read_text().strip()
        connection = await asyncpg.connect(
            host="127.0.0.1", port=port, user="postgres", database="postgres", password=password
        )
        assert await connection.fetchval("SELECT inet_server_addr()::text") == "127.0.0.1/32"
        await connection.close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(host="127.0.0.1", port=port, user="postgres", database="postgres", password="wrong")
    assert file.stat().st_mode & 0o777 == 0o600
    said = (bin_dir / "arguments").read_text()
    assert "postgres" in said
    assert password not in said
    assert password not in (own_project / ".confiture" / "server" / "server.log").read_text()


async def test_a_port_that_is_taken_is_named(own_project, server_run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (own_project / "confiture.toml").write_text(f"[embedded]\nport = {port}\n")
        async with server_run(own_project) as run:
            with pytest.raises(ServerError, match=f"port {port} is taken"):
                await run.target()
