"""What the server lacks is said by name, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from confiture.errors import ConfigError, FeatureMissing
from confiture.hooks import SERVER
from confiture_embedded.binaries import find
from confiture_embedded.features import missing
from confiture_embedded.server import EmbeddedServer

pytestmark = pytest.mark.anyio

DEBIAN = Path("/usr/lib/postgresql/15/bin")
needs_debian = pytest.mark.skipif(not (DEBIAN / "postgres").exists(), reason=f"no PostgreSQL in {DEBIAN}")


def test_what_the_wheel_lacks():
    lacking = missing(find().bin_dir)
    assert {"icu", "lz4", "xml", "tls", "pgcrypto", "uuid-ossp"} <= set(lacking)
    assert lacking.has_extension("hstore")
    assert not lacking.has_extension("pgcrypto")


@needs_debian
def test_another_postgresql_lacks_other_things():
    """Computed from the programs, not from a list about the wheel."""
    lacking = missing(DEBIAN)
    assert not {"icu", "lz4", "xml", "tls", "pgcrypto", "uuid-ossp"} & set(lacking)
    assert lacking.has_extension("plpgsql")


@pytest.mark.parametrize("name", ["icu", "lz4", "xml", "tls", "pgcrypto", "uuid-ossp"])
def test_the_provider_says_what_to_do(name):
    said = EmbeddedServer().lacks(name)
    assert said is not None
    assert "bin_dir" in said
    assert "database_url" in said


def test_nothing_is_said_about_what_is_there():
    assert EmbeddedServer().lacks("hstore") is None


@pytest.mark.parametrize(
    ("features", "extensions", "named"),
    [(["icu"], [], "'icu'"), ([], ["pgcrypto"], "'pgcrypto'"), ([], ["postgis"], "'postgis'")],
)
async def test_a_schema_that_needs_it_is_refused(own_project, server_run, features, extensions, named):
    async with server_run(own_project) as run:
        target = await run.target()
        with pytest.raises(FeatureMissing, match=named):
            await run.get(SERVER, "embedded").check(run, target, features, extensions)


async def test_a_schema_that_needs_what_is_there_passes(own_project, server_run):
    async with server_run(own_project) as run:
        await run.get(SERVER, "embedded").check(run, await run.target(), [], ["hstore", "citext", "vector"])


@needs_debian
async def test_an_installed_postgresql_can_be_used(own_project, server_run):
    (own_project / "confiture.toml").write_text(f"[embedded]\nbin_dir = '{DEBIAN}'\n")
    async with server_run(own_project) as run:
        async with run.connect(await run.target(), database="postgres") as connection:
            assert (await connection.fetchval("SHOW server_version")).startswith("15.")
            assert await connection.fetchval("SHOW fsync") == "off"
        status = await run.get(SERVER, "embedded").status(run, run.environment)
        await run.get(SERVER, "embedded").check(run, await run.target(), ["icu", "lz4"], [])
    assert status.version is not None
    assert status.version.startswith("15.")


@needs_debian
async def test_scratch_servers_of_two_postgresqls_do_not_share_data(own_project, fast_dir, server_run):
    (own_project / "confiture.toml").write_text(f"[embedded]\nbin_dir = '{DEBIAN}'\n")
    async with server_run(own_project) as run:
        await run.scratch_server()
    (own_project / "confiture.toml").write_text("")
    async with server_run(own_project) as run:
        await run.scratch_server()
    assert len(list((fast_dir / "cache").iterdir())) == 2


async def test_a_bin_dir_without_postgresql_is_a_named_error(own_project, server_run):
    (own_project / "confiture.toml").write_text("[embedded]\nbin_dir = 'nowhere'\n")
    async with server_run(own_project) as run:
        with pytest.raises(ConfigError, match="no 'postgres' in the folder"):
            await run.target()
