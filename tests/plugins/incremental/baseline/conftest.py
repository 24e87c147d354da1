"""Scratch databases on the test server, and the public schema as pg_dump sees it."""

from __future__ import annotations

import subprocess

import pytest

import pgserver
from confiture.config.dsn import to_uri


@pytest.fixture(autouse=True)
def _scratch(project, server, tmp_path, monkeypatch):
    """What is remembered goes with the test."""
    monkeypatch.setenv("CONFITURE_CACHE_DIR", str(tmp_path / "cache"))
    project.config(f"[scratch]\nurl = '{to_uri(server.with_database('postgres').params)}'\n")


@pytest.fixture
def dump():
    """``dump(target)``: the schema, without the histories of tools."""

    def run(target, *options):
        command = [str(pgserver.binaries() / "pg_dump"), "--schema-only", "--exclude-schema=confiture", *options]
        done = subprocess.run([*command, to_uri(target.params)], capture_output=True, text=True, check=True)
        return "\n".join(
            line for line in done.stdout.splitlines() if line and not line.startswith(("--", "\\restrict", "\\unrestr"))
        )

    return run
