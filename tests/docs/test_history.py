"""The migrations of the example project: the tool's own, and another way to the schema that ``build`` makes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pgserver
from confiture.config.dsn import to_uri
from docs.make_history import SHOP, STEPS, make, states

pytestmark = pytest.mark.anyio

VERSIONS = [f"{number:03}" for number in range(1, len(STEPS) + 1)]


@pytest.fixture
def shop(tmp_path: Path, server, psql) -> Path:
    """A copy of the example project, on a server with the roles that its schema names."""
    for role in ("jam_app", "jam_readonly"):
        # Other workers make them at the same time: 42710, or 23505 in the very same moment.
        psql(
            server,
            f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
        )
    folder = tmp_path / "jam-shop"
    shutil.copytree(SHOP, folder, ignore=shutil.ignore_patterns(".confiture"))
    with (folder / "confiture.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[scratch]\nurl = '{to_uri(server.params)}'\n")
    return folder


def dump(target, *options: str) -> str:
    """What pg_dump makes of it, without confiture's own history."""
    command = [str(pgserver.binaries() / "pg_dump"), "-N", "confiture", "-d", to_uri(target.params), *options]
    text = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ)).stdout
    return "\n".join(line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


async def test_the_migrations_lead_from_nothing_to_the_files_and_back(shop, kernel_run, new_database, psql) -> None:
    """Each ``up`` ends where the files were at its time, each ``down`` where its ``up`` began. psql loads the files."""
    replayed = new_database()
    before = [dump(replayed)]
    for version, (_, schema) in zip(VERSIONS, states(SHOP / "db" / "schema"), strict=True):
        async with kernel_run(shop, database=replayed) as run:
            report = await run.start("up", steps=1)
        assert [one.version for one in report.migrations] == [version]
        loaded = new_database()
        psql(loaded, "\n".join(text for _, text in sorted(schema.items())))
        before.append(dump(loaded))
        assert dump(replayed) == before[-1], version
    assert report.pending == ()
    assert len(set(before)) == len(STEPS) + 1
    for version, expected in zip(reversed(VERSIONS), reversed(before[:-1]), strict=True):
        async with kernel_run(shop, database=replayed) as run:
            report = await run.start("down")
        assert [one.version for one in report.migrations] == [version]
        assert dump(replayed) == expected, version


async def test_the_migrations_give_what_build_gives(shop, kernel_run, new_database, psql) -> None:
    """All at once, and in another order than the files."""
    built, replayed = new_database(), new_database()
    psql(built.with_database("postgres"), f'DROP DATABASE "{built.database}"')
    async with kernel_run(shop, database=built) as run:
        await run.start("build", seeds=False)
    async with kernel_run(shop, database=replayed) as run:
        await run.start("up")
    assert dump(replayed) == dump(built)


async def test_verify_proves_the_migrations(shop, kernel_run, database) -> None:
    """Confiture's own proof says what pg_dump says: all of them lead to the files, and each of them back."""
    async with kernel_run(shop, database=database) as run:
        report = await run.start("verify", all=True)
    assert report.differences == ()
    assert [(way.version, way.state) for way in report.ways] == [(version, "ok") for version in VERSIONS]
    (shop / "db" / "migrations" / "007_sell_fresh_jars_only.py").unlink()
    (shop / "confiture.toml").write_text((shop / "confiture.toml").read_text() + "[migrations]\nallow_gaps = true\n")
    async with kernel_run(shop, database=database) as run:
        report = await run.start("verify")
    assert [one.identity for one in report.differences] == ["kitchen.stock_levels"]


async def test_the_migrations_take_the_shop_s_rows_along(shop, kernel_run, database, psql) -> None:
    """The seeds, as far as they are older than the newest migrations, go up with them, and nothing of them is lost."""
    async with kernel_run(shop, database=database) as run:
        await run.start("up")
    for file in sorted((shop / "db" / "seeds").glob("*.sql")):
        psql(database, file.read_text())
    rows = dump(database, "-a", "-t", "catalog.*", "-t", "kitchen.kettles", "-t", "sales.customers")
    jars = psql(database, "SELECT id, jars FROM kitchen.batches ORDER BY id")
    assert jars
    async with kernel_run(shop, database=database) as run:
        await run.start("down", target="005", allow_data_loss=True)
    async with kernel_run(shop, database=database) as run:
        await run.start("up")
    assert psql(database, "SELECT id, jars FROM kitchen.batches ORDER BY id") == jars
    assert psql(database, "SELECT count(*) FROM kitchen.batches WHERE best_before IS NULL") == "0"
    assert dump(database, "-a", "-t", "catalog.*", "-t", "kitchen.kettles", "-t", "sales.customers") == rows


def test_the_migrations_are_the_tool_s_own(tmp_path, server, shop) -> None:
    """Written anew they are the same, byte for byte. Else: ``python tests/docs/make_history.py``."""
    made = make(tmp_path / "again", f"\n[scratch]\nurl = '{to_uri(server.params)}'\n")
    kept = {file.name: file.read_text(encoding="utf-8") for file in (SHOP / "db" / "migrations").glob("*.py")}
    assert kept.keys() == made.keys()
    for name, text in made.items():
        assert kept[name] == text, f"{name} is not what the tool writes: run python tests/docs/make_history.py"


def test_the_migrations_make_the_shop_on_a_server_of_confiture_s_own(tmp_path) -> None:
    """From nothing at all: the server, the database, and the roles that the schema names are made, as by `build`."""
    project = tmp_path / "jam-shop"
    shutil.copytree(SHOP, project, ignore=shutil.ignore_patterns(".confiture"))

    def confiture(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "confiture", *words]
        return subprocess.run(command, cwd=project, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    try:
        done = confiture("migrate", "up")
        assert done.returncode == 0, done.stderr
        assert "10 migrations applied to jam_shop_local" in done.stdout
        assert confiture("migrate", "diff", "env:local", "files:").stdout == "no change\n"
    finally:
        confiture("server", "stop")
