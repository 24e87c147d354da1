"""A server that the user has: it is described and checked, never started or stopped."""

from __future__ import annotations

import socket

import pytest

from confiture.config import Environment
from confiture.config.dsn import to_uri
from confiture.errors import FeatureMissing
from confiture.hooks import SERVER
from confiture.kernel import Kernel

pytestmark = pytest.mark.anyio


async def test_the_url_and_libpqs_variables_make_the_target(project, monkeypatch):
    """What the URL leaves out comes from PG*, as with psql."""
    monkeypatch.setenv("PGUSER", "somebody")
    monkeypatch.setenv("PGPORT", "6543")
    environment = Environment(name="far", database_url="postgresql://db.example.com/shop", protected=True)
    async with Kernel(project.root).run(environment=environment) as run:
        target = await run.get(SERVER, "url").acquire(run, environment)
    assert {name: target.params[name] for name in ("host", "port", "user", "dbname")} == {
        "host": "db.example.com",
        "port": "6543",
        "user": "somebody",
        "dbname": "shop",
    }
    assert (target.label, target.managed, target.protected) == ("far", False, True)


async def test_the_environments_database_wins_over_the_urls(kernel_run):
    """One URL in a secret, several databases on the server."""
    async with kernel_run() as run:
        environment = Environment(name="far", database_url="postgresql://u@db.example.com/one", database="two")
        assert (await run.get(SERVER, "url").acquire(run, environment)).database == "two"


async def test_status_of_a_server_that_answers(kernel_run, database, psql):
    async with kernel_run() as run:
        status = await run.get(SERVER, "url").status(run, run.environment)
    assert (status.state, status.version) == ("running", psql(database, "SHOW server_version").split()[0])
    assert status.address.endswith(f"/{database.database}")
    assert status.since is not None
    assert status.size_bytes == int(psql(database, "SELECT pg_database_size(current_database())"))


async def test_status_of_a_missing_database_says_that_the_server_is_there(kernel_run, database):
    """`confiture build` would create it: the server can be reached."""
    async with kernel_run(database=database.with_database("not_there")) as run:
        status = await run.get(SERVER, "url").status(run, run.environment)
    assert status.state == "running"
    assert "not_there" in str(status.detail)


async def test_status_of_a_server_that_is_away_says_why_and_no_secret(project):
    """Never raises: `confiture env` lists all environments."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        environment = Environment(name="far", database_url=f"postgresql://u:s3cret@127.0.0.1:{port}/shop")
        # While it is bound nobody else listens there.
        async with Kernel(project.root).run(environment=environment) as run:
            status = await run.get(SERVER, "url").status(run, environment)
    assert (status.state, status.address) == ("unreachable", f"127.0.0.1:{port}/shop")
    assert status.detail
    assert "s3cret" not in repr(status)


async def test_status_of_an_url_that_makes_no_sense_says_so(project):
    environment = Environment(name="far", database_url="postgresql://[")
    async with Kernel(project.root).run(environment=environment) as run:
        status = await run.get(SERVER, "url").status(run, environment)
    assert status.state == "unreachable"
    assert status.detail


async def test_it_is_never_stopped(kernel_run, database, psql):
    async with kernel_run() as run:
        assert await run.get(SERVER, "url").stop(run, run.environment) is False
    assert psql(database, "SELECT 1") == "1"


async def test_a_missing_extension_is_named_before_anything_runs(kernel_run, database):
    async with kernel_run() as run:
        server = run.get(SERVER, "url")
        await server.check(run, database, [], ["plpgsql"])
        with pytest.raises(FeatureMissing, match="no extension 'postgis'"):
            await server.check(run, database, [], ["plpgsql", "postgis"])


@pytest.mark.parametrize("feature", ["icu", "lz4", "xml"])
async def test_a_missing_build_option_is_named_before_anything_runs(kernel_run, database, feature):
    """The tests' server is the wheel's, which has none of them."""
    async with kernel_run() as run:
        with pytest.raises(FeatureMissing, match=feature):
            await run.get(SERVER, "url").check(run, database, [feature], [])


async def test_an_unknown_feature_is_left_to_the_server(kernel_run, database):
    """Guessing would refuse what works."""
    async with kernel_run() as run:
        await run.get(SERVER, "url").check(run, database, ["tls"], [])


def test_a_password_is_in_no_representation(database):
    target = database.with_database("x")
    assert "password" not in repr(target)
    assert to_uri({**target.params, "password": "s3cret"}).find("s3cret") == -1
