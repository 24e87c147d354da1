"""Stand-ins for extensions, against what Python computes."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from pathlib import Path

import pytest

from confiture.errors import FeatureMissing
from confiture.hooks import SERVER
from confiture.kernel import Kernel

pytestmark = pytest.mark.anyio


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scratch server of this test's own; it ends itself."""
    monkeypatch.setenv("CONFITURE_CACHE_DIR", str(tmp_path / "cache"))


async def stop(run) -> None:
    from confiture.config import Environment

    await run.get(SERVER, "embedded").stop(run, Environment(name="scratch"))


async def test_they_compute_what_the_extensions_do(cache, project):
    """A default or an index that calls them must work on sample rows."""
    async with Kernel(project.root).run() as run:
        try:
            async with run.scratch() as target, run.connect(target) as connection:
                await connection.execute(
                    'CREATE SCHEMA x; CREATE EXTENSION pgcrypto SCHEMA x; CREATE EXTENSION "uuid-ossp"'
                )
                for name in ("md5", "sha224", "sha256", "sha384", "sha512"):
                    for key in ("k", "k" * 200):
                        found = await connection.fetchval(f"SELECT x.hmac('text', '{key}', '{name}')")
                        assert found == hmac.new(key.encode(), b"text", name).digest()
                    assert (
                        await connection.fetchval(f"SELECT x.digest('é', '{name}')")
                        == hashlib.new(name, "é".encode()).digest()
                    )
                found = await connection.fetchval("SELECT uuid_generate_v3(uuid_ns_url(), 'x')")
                assert str(found) == str(uuid.uuid3(uuid.NAMESPACE_URL, "x"))
                assert len(await connection.fetchval("SELECT x.gen_random_bytes(70)")) == 70
                assert len({await connection.fetchval("SELECT uuid_generate_v4()") for _ in range(3)}) == 3
                said = await connection.fetch("SELECT obj_description(oid, 'pg_extension') AS said FROM pg_extension")
                assert sum("stand-in by confiture" in row["said"] for row in said) == 2
        finally:
            await stop(run)


async def test_only_the_scratch_server_has_them(cache, project):
    """A database that somebody uses must not have functions that raise errors."""
    async with Kernel(project.root).run() as run:
        server = run.get(SERVER, "embedded")
        try:
            async with run.scratch() as scratch:
                await server.check(run, scratch, (), ("pgcrypto", "uuid-ossp"))
                with pytest.raises(FeatureMissing):
                    await server.check(run, scratch, (), ("pgcrypto", "plperl"))
            target = await run.target()
            try:
                with pytest.raises(FeatureMissing):
                    await server.check(run, target, (), ("pgcrypto",))
            finally:
                await server.stop(run, run.environment)
        finally:
            await stop(run)
