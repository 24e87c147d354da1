"""A small migration whose changes are captured, and what pg_dump says of both databases."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import Any

import anyio
import pytest

import pgserver
from confiture.config.dsn import to_uri
from confiture.model import StepStarted, Target
from conftest import ProjectFolder, run_psql

CONFIG = '[schema-to-schema]\nstrategy = "copy"\ncapture = "triggers"\n'
TABLES = """
    CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE TABLE logs (at int, line text, PRIMARY KEY (at)) PARTITION BY RANGE (at);
    CREATE TABLE logs_a PARTITION OF logs DEFAULT;
    CREATE TABLE "Odd ""t" (id int PRIMARY KEY REFERENCES users ON DELETE CASCADE);
"""
ROWS = """
    INSERT INTO users VALUES (1, 'a'), (2, 'b'); INSERT INTO logs VALUES (1, 'l'); INSERT INTO "Odd ""t" VALUES (1);
"""


class Cleaning:
    """Both databases, by the names of their environments."""

    def __init__(self, project: ProjectFolder, new_database: Callable[[], Target], kernel_run: Any) -> None:
        self.project, self.run = project, kernel_run
        self.source, self.target = new_database(), new_database()
        run_psql(self.source, TABLES + ROWS)
        run_psql(self.target, TABLES)
        project.environment_for(self.source, "production")
        project.environment_for(self.target, "production_new")

    async def start(self, medium: str = "", **values: Any) -> Any:
        async with self.run(self.project, database=self.source) as run:
            return await run.start(f"schema-to-schema{medium}", **values)

    async def cut(self, step: str, **values: Any) -> None:
        """A copy that comes no further than to the beginning of that step."""
        with anyio.CancelScope() as scope:

            def see(event: object) -> None:
                if isinstance(event, StepStarted) and event.step == f"schema-to-schema.{step}":
                    scope.cancel()

            async with self.run(self.project, database=self.source, observers=[see]) as run:
                await run.start("schema-to-schema", **values)
        assert scope.cancelled_caught

    def dumps(self) -> list[str]:
        """The schemas of both, everything that is in them."""
        return [self.dump(self.source), self.dump(self.target)]

    @staticmethod
    def dump(place: Target) -> str:
        """By pg_dump, without the lines that differ each time."""
        command = [str(pgserver.binaries() / "pg_dump"), "--schema-only", "-d", to_uri(place.params)]
        env = os.environ | {"PGPASSWORD": place.params.get("password", "")}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
        return "\n".join(line for line in done.stdout.splitlines() if line and not line.startswith(("--", "\\")))


@pytest.fixture
def cleaning(project, new_database, kernel_run) -> Cleaning:
    project.config(CONFIG)
    return Cleaning(project, new_database, kernel_run)
