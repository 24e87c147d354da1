"""What the servers write into their logs, with every statement logged: no value of a row, and no key but where told."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

import pgserver
from confiture.errors import ConfitureError
from confiture.kernel import Kernel
from confiture.masking import MaskingKey
from confiture.model import Target, WarningRaised

pytestmark = pytest.mark.anyio

SCHEMA = "CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, name text, body text)"
ROWS = """
INSERT INTO users SELECT i, 'xanthippe' || i || '@outiscorp.io', 'Xanthippe Oudeis', 'words'
  FROM generate_series(1, 50) i
"""
RULES = "anonymize: {users: {email: 'user_{id}@example.com', name: {pseudonym: {}}}}"
SECRETS = ("xanthippe", "Xanthippe", "outiscorp", "Oudeis")


@pytest.fixture
def key() -> str:
    """The test's own: other workers' tests write into the same log."""
    return secrets.token_hex(16)


@pytest.fixture
def pair(project, new_database: Callable[[], Target], monkeypatch, psql, key) -> tuple[Target, Target]:
    monkeypatch.setenv("CONFITURE_ANONYMIZATION_KEY", key)
    pair = new_database(), new_database()
    for name, side in zip(("production", "local"), pair, strict=True):
        project.environment_for(side, name)
        psql(side, SCHEMA)
    psql(pair[0], ROWS)
    project.write("db/sync_config.yaml", RULES)
    return pair


async def logged(project, side: Target, psql, heard=None) -> tuple[str, str]:
    """Statements, and bind values, of a run of which one side logs everything."""
    psql(side, f"ALTER DATABASE \"{side.database}\" SET log_statement = 'all'")
    log = Path(os.environ[pgserver.SESSION_VARIABLE]) / "guardian.log"
    begin = log.stat().st_size
    try:
        async with Kernel(project.root, observers=[heard] if heard else []).run(env="local") as run:
            report = await run.start("sync", source="production", target="local")
        assert report.exit_code == 0
    finally:
        psql(side, f'ALTER DATABASE "{side.database}" RESET ALL')
    lines = log.read_bytes()[begin:].decode(errors="replace").splitlines()
    values = [line for line in lines if "DETAIL:  Parameters" in line]
    statements = [line for line in lines if "DETAIL:  Parameters" not in line]
    assert any("users" in line for line in statements)
    return "\n".join(statements), "\n".join(values)


async def test_the_sources_log_has_the_key_among_bind_values_only_and_that_is_told(project, pair, psql, key):
    warnings = []

    def hear(event) -> None:
        if isinstance(event, WarningRaised):
            warnings.append(event.message)

    statements, values = await logged(project, pair[0], psql, hear)
    keys = MaskingKey(key.encode()).settings.values()
    for secret in (*SECRETS, key, *keys):
        assert secret not in statements
    assert not any(secret in values for secret in SECRETS)
    assert any(each in values for each in keys)  # what the warning is about
    assert any("the masking key will be in its log" in message for message in warnings)


async def test_the_targets_log_has_no_value_and_never_the_masks_key(project, pair, psql, key):
    statements, values = await logged(project, pair[1], psql)
    for secret in (*SECRETS, key, *list(MaskingKey(key.encode()).settings.values())[:2]):
        assert secret not in statements
        assert secret not in values


async def test_errors_of_a_run_have_no_value(project, pair, psql):
    """A mask that fails for a value: the server's own words have it, and ours do not."""
    project.write("db/sync_config.yaml", RULES.replace("{pseudonym: {}}", '{sql: "(1 / (id - 7)) || name"}'))
    with pytest.raises(ConfitureError) as caught:
        async with Kernel(project.root).run(env="local") as run:
            await run.start("sync", source="production", target="local")
    assert not any(secret in repr(caught.value.as_dict()) for secret in SECRETS)
    assert psql(pair[1], "SELECT count(*) FROM users") == "0"
