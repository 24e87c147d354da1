"""The medium ``init``: what a program starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from confiture.config.dsn import to_uri
from confiture.errors import ConfigError
from confiture.kernel import Kernel
from confiture.registry import Registry
from confiture.testing import check_medium, open_context
from confiture_init.medium import InitMedium
from confiture_init.model import InitRequest

pytestmark = pytest.mark.anyio


async def test_it_keeps_the_rules_of_mediums(database, psql, bare: Path) -> None:
    """Those that third parties' must keep."""
    psql(database, "CREATE TABLE t ()")
    async with open_context(bare, database_url=to_uri(database.params), registry=Registry()) as ctx:
        await check_medium(ctx, InitMedium(), InitRequest(from_database=True))


async def test_a_program_makes_a_project_too(tmp_path: Path) -> None:
    """No database is looked for."""
    async with Kernel(tmp_path).run() as run:
        report = await run.start("init", folder="shop", name="The shop")
    assert report.folder == str(tmp_path / "shop")
    assert 'name = "The shop"' in (tmp_path / "shop/confiture.toml").read_text()
    assert report.adopted is None


async def test_what_it_does_not_take_is_named(tmp_path: Path) -> None:
    """A typing error is not passed over."""
    with pytest.raises(ConfigError, match="init takes no 'from_databse'"):
        async with Kernel(tmp_path).run() as run:
            await run.start("init", from_databse=True)


async def test_diff_finds_nothing_between_the_files_and_the_database(database, psql, adopt, bare, kernel_run) -> None:
    """The point of all of it: from here on, what differs was changed."""
    psql(database, "CREATE TABLE t (a int PRIMARY KEY, b text CHECK (b <> '')); CREATE VIEW v AS SELECT a FROM t")
    await adopt(database)
    async with kernel_run(bare, database=database) as run:
        report = await run.start("diff", old=to_uri(database.params))
    assert not report.changed
