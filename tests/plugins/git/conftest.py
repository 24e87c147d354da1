"""A project in a git repository, and the source at work on it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from confiture.hooks import SOURCE
from confiture.model import Event, SourceFile, Target

NOWHERE = Target(label="nowhere", params={"host": "/nonexistent", "dbname": "none"})
_WHO = {f"GIT_{role}_{what}": "t@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *arguments: str) -> str:
    """What git prints; the person's own settings have no part in it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _WHO
    env |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *arguments], cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Repository:
    """The repository whose top is ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        git(root, "init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        return git(self.root, *arguments)

    def commit(self, message: str = "a change") -> str:
        """Commit everything; the commit's id."""
        self.git("add", "-A", "--force")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


class Load:
    """``await load(what)``: the files; ``paths(what)``: theirs alone; ``events`` are those of the last call."""

    def __init__(self, kernel_run, root) -> None:
        self._kernel_run = kernel_run
        self.root = root
        self.events: list[Event] = []

    async def __call__(self, what: str = "", **options) -> Sequence[SourceFile]:
        self.events = []
        async with self._kernel_run(self.root, observers=[self.events.append], database=NOWHERE) as run:
            return await run.get(SOURCE, "git").load(run, what, **options)

    async def paths(self, what: str = "", **options) -> list[str]:
        return [file.path for file in await self(what, **options)]


@pytest.fixture
def repository(project) -> Repository:
    """The project's folder is its top."""
    return Repository(project.root)


@pytest.fixture
def load(kernel_run, project) -> Load:
    return Load(kernel_run, project.root)
