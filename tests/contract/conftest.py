"""A project whose embedded server's user may reach its folder, and that leaves nothing in the user's cache."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def fast_project(monkeypatch: pytest.MonkeyPatch, project) -> Iterator:
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="confiture-contract-", dir=base))
    folder.chmod(0o755)
    monkeypatch.setenv("CONFITURE_STATE_DIR", str(folder / "state"))
    monkeypatch.setenv("CONFITURE_CACHE_DIR", str(folder / "cache"))
    project.root = folder / "shop"
    (project.root / "db" / "schema").mkdir(parents=True)
    yield project
    shutil.rmtree(folder)
