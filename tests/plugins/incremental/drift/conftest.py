"""A project whose scratch databases are on the test server."""

from __future__ import annotations

import pytest

from confiture.config.dsn import to_uri


@pytest.fixture(autouse=True)
def _scratch_on_the_test_server(project, server, tmp_path, monkeypatch):
    monkeypatch.setenv("CONFITURE_CACHE_DIR", str(tmp_path / "cache"))
    project.config(f"[scratch]\nurl = '{to_uri(server.with_database('postgres').params)}'\n")


@pytest.fixture
def drift(migrations):
    """``await drift()``: the report of a run of its own."""

    async def run(**values):
        return await migrations.run("drift", **values)

    return run
