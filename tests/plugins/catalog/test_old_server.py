"""PostgreSQL 15, the oldest whose catalogs are read."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import pgserver
from catalogs import EVERY_KIND_15, differences
from confiture.model import Target

pytestmark = pytest.mark.anyio

DEBIAN = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="module")
def old_server() -> Iterator[Target]:
    """Debian's own, for this file alone."""
    if not (DEBIAN / "postgres").exists():
        pytest.skip("PostgreSQL 15 of Debian is not installed")
    base = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix="confiture-15-", dir=base))
    who = pgserver.unprivileged()
    if who:
        shutil.chown(folder, who["user"], who["group"])
    data = folder / "d"
    try:
        subprocess.run(
            [DEBIAN / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "--locale=C", "-E", "UTF8"],
            check=True,
            capture_output=True,
            **who,
        )
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=20"
        subprocess.run(
            [DEBIAN / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **who,
        )
        try:
            yield Target(label="old", params={"host": str(folder), "user": "postgres", "dbname": "postgres"})
        finally:
            subprocess.run(
                [DEBIAN / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"],
                check=True,
                capture_output=True,
                **who,
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def test_postgresql_15_is_read(old_server, database, psql, inspect):
    """The same objects as on 18, but for what 18 has in other catalogs: NOT NULL there is a constraint."""
    psql(old_server, "CREATE DATABASE one")
    psql(old_server.with_database("one"), EVERY_KIND_15)
    psql(database, EVERY_KIND_15)
    old, new = await inspect(old_server.with_database("one")), await inspect(database)
    assert (old.server_version[0], old.unsupported) == (15, ())

    def is_not_null(content) -> bool:
        return content is not None and content[3].get("type") == "not null"

    rest = [
        key
        for key, (before, after) in differences(old, new).items()
        if not (before is None and is_not_null(after)) and key.kind != "extension"
    ]
    # 16 leaves out the table's name where a view has one table only.
    assert [key.identity for key in rest] == ["app.counts", "app.names"]
