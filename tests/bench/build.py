"""``confiture build`` against ``psql -1 -f`` of the same script and against Alembic, on the same server."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from bench.harness import Side, measure
from bench.project import BenchProject
from data import generate_schema


def run(folder: Path) -> None:
    """100 tables, then 1,000: from files, and as a clone of the template."""
    for tables, rounds in ((100, 9), (1000, 3)):
        project = BenchProject(folder, tables)
        try:
            _run(project, tables, rounds)
        finally:
            project.close()


def _run(project: BenchProject, tables: int, rounds: int) -> None:
    def psql_side() -> Side:
        def before() -> None:
            project.psql("CREATE DATABASE by_psql")

        def after() -> None:
            project.psql("DROP DATABASE by_psql")

        return Side("psql -1 -f, into an empty database", lambda: project.psql_script("by_psql"), before, after)

    def fresh() -> None:
        project.drop(templates=True)

    def again() -> None:
        project.drop()

    def whole(*options: str) -> None:
        project.confiture("build", *options)

    sides = [
        psql_side(),
        Side("confiture build", lambda: whole(), fresh),
        Side("confiture build --no-cache", lambda: whole("--no-cache"), fresh),
        Side("in process", lambda: _in_process(project), fresh),
        Side("in process, cache=False", lambda: _in_process(project, cache=False), fresh),
    ]
    if tables >= 1000:
        sides.append(Side("confiture build --no-cache --jobs 2", lambda: whole("--no-cache", "--jobs", "2"), fresh))
        sides.append(Side("in process, cache=False, jobs=2", lambda: _in_process(project, cache=False, jobs=2), fresh))
    measure(f"{tables} tables, from files", sides, rounds=rounds)
    fresh()
    whole()
    measure(
        f"{tables} tables, unchanged: a clone",
        [
            psql_side(),
            Side("confiture build", lambda: whole(), again),
            Side("in process", lambda: _in_process(project), again),
        ],
        rounds=rounds,
    )


def _in_process(project: BenchProject, **request: object) -> None:
    from confiture import Kernel

    async def build() -> None:
        async with Kernel(project.root).run() as run:
            await run.start("build", **request)

    asyncio.run(build())


def run_alembic(folder: Path) -> None:
    """The same 100 tables as 100 Alembic revisions, replayed."""
    project = BenchProject(folder, 100)
    revisions = folder / "alembic"
    generate_schema.alembic_project(100, revisions)
    base, _, query = project.url.partition("?")
    url = f"{base.rsplit('/', 1)[0]}/by_alembic?{query}".replace("postgresql://", "postgresql+psycopg2://", 1)
    environment = {**os.environ, "ALEMBIC_URL": url}
    command = [sys.executable, "-m", "alembic", "upgrade", "head"]
    try:
        measure(
            "100 tables, whole process",
            [
                Side("confiture build --no-cache", lambda: project.confiture("build", "--no-cache"), project.drop),
                Side(
                    "alembic upgrade head, 100 revisions",
                    lambda: subprocess.run(command, cwd=revisions, env=environment, check=True, capture_output=True),
                    lambda: project.psql("CREATE DATABASE by_alembic"),
                    lambda: project.psql("DROP DATABASE by_alembic"),
                ),
            ],
            rounds=5,
        )
    finally:
        project.close()
