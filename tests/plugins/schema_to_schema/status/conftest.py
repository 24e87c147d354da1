"""Two databases with a few tables, and a project that copies in small chunks."""

from __future__ import annotations

from functools import partial

import pytest

from conftest import run_psql

TABLES = """
    CREATE TABLE a (id int PRIMARY KEY, v text);
    CREATE TABLE b (id int PRIMARY KEY, v text);
"""
ROWS = """
    INSERT INTO a SELECT n, repeat('a', 60) FROM generate_series(1, 400) AS n;
    INSERT INTO b SELECT n, repeat('b', 60) FROM generate_series(1, 200) AS n;
    ANALYZE;
"""


class Sides:
    """``await sides.start(medium, **values)``: its report."""

    def __init__(self, project, new_database, kernel_run) -> None:
        project.config('[schema-to-schema]\nstrategy = "copy"\nchunk_mb = 0\n')
        self.source, self.target = new_database(), new_database()
        run_psql(self.source, TABLES + ROWS)
        run_psql(self.target, TABLES)
        project.environment_for(self.source, "production")
        project.environment_for(self.target, "production_new")
        self.project = project
        self._run = partial(kernel_run, project, database=self.source)

    async def start(self, medium, *, observers=(), **values):
        async with self._run(observers=observers) as run:
            return await run.start(medium, **values)

    async def status(self, **values):
        return await self.start("schema-to-schema-status", **values)


@pytest.fixture
def sides(project, new_database, kernel_run) -> Sides:
    return Sides(project, new_database, kernel_run)
