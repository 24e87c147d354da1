"""Builds through a transaction-mode pooler."""

from __future__ import annotations

import pytest

from confiture.errors import Refused
from confiture.model import WarningRaised

pytestmark = pytest.mark.anyio


async def test_empty_database_is_built_through_a_pooler(shop, kernel_run, pooled, database, psql) -> None:
    """In one transaction; with a warning, since there is no lock. The pooler's sessions stay as they were."""
    shop.schema("99_session.sql", "SET search_path TO pg_catalog;\nSET ROLE pg_monitor;\nRESET ROLE;\n")
    heard = []
    async with kernel_run(shop, database=pooled, observers=[heard.append]) as run:
        await run.start("build")
    assert any(isinstance(event, WarningRaised) and "pooler" in event.message for event in heard)
    assert psql(database, "SELECT count(*) FROM names") == "0"
    assert psql(pooled, "SHOW search_path") == '"$user", public'


async def test_replacing_through_a_pooler_is_refused(shop, kernel_run, pooled, database, psql) -> None:
    """Nothing could guard the temporary database; the old one stays."""
    psql(database, "CREATE TABLE old AS SELECT 42 AS a")
    async with kernel_run(shop, database=pooled) as run:
        with pytest.raises(Refused, match="pooler"):
            await run.start("build", recreate=True)
    assert psql(database, "SELECT a FROM old") == "42"
