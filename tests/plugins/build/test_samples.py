"""Public sample databases, split into schema trees, build as they are; pg_dump compares the result with psql's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import pgserver
from confiture.config.dsn import to_uri
from data import split_sample

pytestmark = pytest.mark.anyio

_SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data"
_EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "jam-shop"


def _dump(target, *options: str) -> str:
    command = [str(pgserver.binaries() / "pg_dump"), "-d", to_uri(target.params), *options]
    text = subprocess.run(command, check=True, capture_output=True, text=True, env=dict(os.environ)).stdout
    return "\n".join(line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def _whole(sample: str) -> str:
    text = (_SAMPLES / f"{sample}.sql").read_text()
    if sample == "chinook":
        text = "".join(t for t in text.splitlines(keepends=True) if t.strip() not in split_sample.CHINOOK_OWN_DATABASE)
    return text


@pytest.mark.parametrize("sample", ["pagila", "chinook"])
async def test_sample_builds_as_psql_loads_it(sample, project, kernel_run, absent, database, psql) -> None:
    """Real input: COPY blocks, session settings, partitions, triggers, non-ASCII names."""
    if not (_SAMPLES / f"{sample}.sql").is_file():
        pytest.skip(f"the sample {sample}.sql is not here")
    split_sample.split(sample, _SAMPLES / f"{sample}.sql", project.root)
    async with kernel_run(project, database=absent) as run:
        await run.start("build", cache=False)
    psql(database, _whole(sample))
    assert _dump(absent) == _dump(database)


async def test_example_project_builds_with_its_seeds(kernel_run, absent, server, psql) -> None:
    """The project that the demo and the tutorial show."""
    for role in ("jam_app", "jam_readonly"):
        # Other workers make them at the same time: 42710, or 23505 in the very same moment.
        psql(
            server,
            f"DO $$ BEGIN CREATE ROLE {role}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
        )
    async with kernel_run(_EXAMPLE, database=absent) as run:
        report = await run.start("build", cache=False)
    assert report.seed_files > 0
    tables = "SELECT count(*) FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema !~ '^pg_'"
    assert int(psql(absent, tables)) >= 14
