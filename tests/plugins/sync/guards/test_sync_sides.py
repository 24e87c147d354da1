"""The target is another database than the source, may be written to, and is near unless somebody said so."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from confiture.config.dsn import to_uri
from confiture.errors import EnvironmentProtected, Refused
from confiture.kernel import Kernel
from confiture.masking import Rule
from confiture.model import Target, WarningRaised
from confiture.testing import open_context
from confiture_sync.configuring import SyncFile
from confiture_sync.guards.sides import check_sides, is_local
from confiture_sync.model import SyncRequest

pytestmark = pytest.mark.anyio

SQL_RULE = SyncFile(rules={"t": {"a": Rule(kind="sql", options={"value": "1"})}}, shown="db/sync_config.yaml")


@pytest.fixture(scope="module")
def pair(new_database: Callable[[], Target]) -> tuple[Target, Target]:
    return tuple(msgspec.structs.replace(new_database(), label=name, managed=False) for name in ("production", "local"))


@pytest.fixture
def check(project, pair):
    """``await check(source=..., target=..., file=..., allow_remote=...)``; what was warned of."""

    async def run(*, source: Target | None = None, target: Target | None = None, file=None, **values) -> list[str]:
        source, target = source or pair[0], target or pair[1]
        warnings = []

        def hear(event):
            if isinstance(event, WarningRaised):
                warnings.append(event.message)

        request = SyncRequest(source=source.label, target=target.label, **values)
        async with open_context(project.root) as ctx:
            ctx.emit = hear
            await check_sides(ctx, source, target, request, file or SyncFile(shown="db/sync_config.yaml"))
        return warnings

    return run


async def test_two_databases_of_one_server_are_two(check):
    assert await check() == []


async def test_the_source_itself_is_refused_whatever_it_is_called(check, pair):
    again = msgspec.structs.replace(pair[0], label="local", params={**pair[0].params, "application_name": "x"})
    with pytest.raises(Refused, match="'local' is the source itself, the database 't_"):
        await check(target=again)
    unnamed = msgspec.structs.replace(pair[0], label="--to")
    with pytest.raises(Refused, match=rf"'{pair[0].database}' \(--to\) is the source itself"):
        await check(target=unnamed)


async def test_the_source_itself_is_found_through_a_pooler(check, pooled, database, pair):
    with pytest.raises(Refused, match="is the source itself"):
        await check(source=database, target=msgspec.structs.replace(pooled, label="local"))
    assert await check(source=pooled) == []


async def test_nothing_is_copied_into_a_protected_environment(check, pair):
    with pytest.raises(EnvironmentProtected, match="'local' is protected"):
        await check(target=msgspec.structs.replace(pair[1], protected=True))
    assert await check(source=msgspec.structs.replace(pair[0], protected=True)) == []


@pytest.mark.parametrize(
    ("params", "local"),
    [
        ({}, True),
        ({"host": "/run/postgresql"}, True),
        ({"host": "@abstract"}, True),
        ({"host": "LocalHost"}, True),
        ({"host": "127.0.0.9"}, True),
        ({"host": "::1"}, True),
        ({"host": "localhost,/tmp"}, True),
        ({"host": "db.corp.io"}, False),
        ({"host": "localhost.corp.io"}, False),
        ({"host": "10.0.0.1"}, False),
        ({"host": "localhost,db.corp.io"}, False),
        ({"host": "localhost", "hostaddr": "10.0.0.1"}, False),
    ],
)
def test_local_is_a_socket_or_loopback_and_nothing_else(params, local):
    assert is_local(params) is local


async def test_a_target_elsewhere_needs_an_allowance(check, pair):
    # Never connected to: what is refused is refused before.
    away = msgspec.structs.replace(pair[1], label="staging", params={**pair[1].params, "host": "db.invalid"})
    with pytest.raises(Refused, match=r"'staging' is not on this machine, but on 'db\.invalid'") as caught:
        await check(target=away)
    assert "--allow-remote" in caught.value.hint
    assert "targets: [staging]" in caught.value.hint
    named = SyncFile(targets=("staging",))
    for allowed in ({"allow_remote": True}, {"file": named}):
        with pytest.raises(Exception) as caught:  # the server is not there
            await check(target=away, **allowed)
        assert not isinstance(caught.value, Refused)


async def test_a_target_that_takes_no_writes_is_refused(check, pair, psql):
    psql(pair[1], f'ALTER DATABASE "{pair[1].database}" SET default_transaction_read_only = on')
    try:
        with pytest.raises(Refused, match="'local' is read-only"):
            await check()
    finally:
        psql(pair[1].with_database("postgres"), f'ALTER DATABASE "{pair[1].database}" RESET ALL')


async def test_a_role_that_could_do_more_than_read_is_warned_of_where_rules_have_sql(check, pair, psql):
    assert "is a superuser" in (await check(file=SQL_RULE))[0]
    psql(pair[0], "DO $$ BEGIN CREATE ROLE only_reads LOGIN NOSUPERUSER; EXCEPTION WHEN OTHERS THEN NULL; END $$")
    reader = msgspec.structs.replace(pair[0], params={**pair[0].params, "user": "only_reads"})
    assert await check(source=reader, file=SQL_RULE) == []


async def test_a_source_that_logs_bind_values_is_warned_of(check, pair, psql):
    name = f'"{pair[0].database}"'
    psql(pair[0], f"ALTER DATABASE {name} SET log_statement = 'all'")
    try:
        assert "the masking key will be in its log" in (await check())[0]
        psql(pair[0], f"ALTER DATABASE {name} SET log_parameter_max_length = 0")
        assert await check() == []
    finally:
        psql(pair[0], f"ALTER DATABASE {name} RESET ALL")


async def test_the_medium_asks(project, pair):
    """Before it looks at anything else."""
    for name in ("production", "local"):
        project.environment(name, f"database_url = '{to_uri(pair[0].params)}'")
    async with Kernel(project.root).run(env="local") as run:
        with pytest.raises(Refused, match="is the source itself"):
            await run.start("sync", source="production", target="local", mask=False, confirm="local")
