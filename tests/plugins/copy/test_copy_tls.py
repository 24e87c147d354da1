"""The same over TLS, where another transport is between the driver and the socket.

The tests' server is built without it: TLS ends in a process in between, as it does at many a provider.
"""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from contextlib import asynccontextmanager, suppress

import anyio
import msgspec
import pytest

from confiture.errors import ConnectionLost, StatementFailed

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate"),
]

SLOWLY = "SELECT n, repeat('x', 1000) || coalesce(pg_sleep(0.01)::text, '') FROM generate_series(1, 60000) AS n"


@pytest.fixture(scope="module")
def certified(tmp_path_factory) -> ssl.SSLContext:
    folder = tmp_path_factory.mktemp("tls")
    subject = ["-subj", "/CN=localhost", "-days", "2", "-nodes"]
    key = ["-newkey", "rsa:2048", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(["openssl", "req", "-x509", *key, *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@asynccontextmanager
async def secured(place, context):
    """The database behind TLS, and the connections to it, which can be cut."""
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(8) != b"\x00\x00\x00\x08\x04\xd2\x16\x2f":  # a cancel request, or no SSLRequest
            writer.close()
            return
        writer.write(b"S")
        await writer.start_tls(context)
        path = f"{place.params['host']}/.s.PGSQL.{place.params.get('port', '5432')}"
        server_reader, server_writer = await asyncio.open_unix_connection(path)
        writers.extend([writer, server_writer])
        await asyncio.gather(passed(reader, server_writer), passed(server_reader, writer))

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    params = {**place.params, "host": "127.0.0.1", "port": str(port), "sslmode": "require"}
    try:
        yield msgspec.structs.replace(place, params=params), writers
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


async def test_rows_move_over_tls(transfer, both, equal, psql, source, target, certified):
    """Both ways, and the listener gives the transport back to the driver."""
    both("CREATE TABLE t (id int, v text)")
    psql(source, "INSERT INTO t SELECT n, repeat('x', n % 100) FROM generate_series(1, 100000) AS n")
    async with secured(source, certified) as (one, _), secured(target, certified) as (other, _):
        assert (await transfer("id, v", source=one, target=other)).rows == 100_000
    equal("SELECT md5(string_agg(t::text, '|' ORDER BY id)) FROM t")


async def test_a_target_that_fails_early_is_heard_over_tls(transfer, both, psql, target, certified):
    """Not after all rows."""
    both("CREATE TABLE t (id int, v text)")
    psql(target, "ALTER TABLE t ADD CHECK (id <> 10)")
    async with secured(target, certified) as (through, _):
        with anyio.fail_after(30), pytest.raises(StatementFailed, match="t_id_check"):
            await transfer("id, v", query=SLOWLY, target=through)


async def test_a_connection_that_is_cut_is_heard_over_tls(transfer, both, psql, source, target, certified):
    """While the driver waits for the source."""
    both("CREATE TABLE t (id int, v text)")
    async with secured(target, certified) as (through, writers):
        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:

                async def cut() -> None:
                    under_way = "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND query LIKE 'COPY%'"
                    for place in (source, target):
                        while await anyio.to_thread.run_sync(psql, place, under_way.format(place.database)) == "0":
                            await anyio.sleep(0.05)
                    for writer in writers:
                        writer.transport.abort()

                group.start_soon(cut)
                with pytest.raises(ConnectionLost, match="staging"):
                    await transfer("id, v", query=SLOWLY, target=through)
