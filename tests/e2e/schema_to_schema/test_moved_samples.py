"""Public sample databases, moved into other schemas by each engine: all rows are what hand-written SQL says."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from confiture.model import Target
from confiture_schema_to_schema.model import Mismatch
from conftest import ProjectFolder, run_psql
from e2e.schema_to_schema.moves import ENGINES, Move, contents, dump, sums
from e2e.schema_to_schema.samples import SAMPLES, Sample, script

pytestmark = pytest.mark.anyio

SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1"
LEFT_BEHIND = """
SELECT (SELECT count(*) FROM pg_foreign_server) + (SELECT count(*) FROM pg_user_mappings)
     + (SELECT count(*) FROM pg_class WHERE relkind = 'f')
     + (SELECT count(*) FROM pg_constraint WHERE NOT convalidated)
     + (SELECT count(*) FROM pg_trigger WHERE tgenabled <> 'O')
"""


class Loaded(NamedTuple):
    """A sample in a database of its own; what its new tables are to hold, and the new schema, built and dumped."""

    sample: Sample
    source: Target
    schema: str
    rows: dict[str, str]
    built: str


@pytest.fixture(scope="module")
def loaded(
    new_database: Callable[..., Target], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Loaded]]:
    """Each sample, loaded once, and what is to come of it."""
    known: dict[str, Loaded] = {}
    number = itertools.count(1)
    made: list[Move] = []

    def load(name: str) -> Loaded:
        text = script(name)
        if text is None:
            pytest.skip(f"the sample {name}.sql is not here")
        if name not in known:
            sample, source = SAMPLES[name], new_database(lasting=True)
            run_psql(source, text + "\nANALYZE;")
            schema = sample.schema
            if sample.changes:
                changed = new_database()
                run_psql(changed, dump(source))
                run_psql(changed, sample.changes)
                schema = dump(changed)
            folder = _project(tmp_path_factory.mktemp(name))
            made.append(Move(folder, source, source.with_database(f"{source.database}_built{next(number)}")))
            folder.schema("10_all.sql", schema)
            built = made[-1].confiture("build", "--env", "production_new", "--yes")
            assert built.returncode == 0, built.stderr
            known[name] = Loaded(sample, source, schema, sums(source, sample.expected), dump(made[-1].target))
        return known[name]

    yield load
    for each in made:
        each.drop()


def _project(root: Path) -> ProjectFolder:
    folder = ProjectFolder(root / "project")
    folder.config("")
    return folder


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SAMPLES)
async def test_a_sample_is_moved(
    name: str, engine: str, loaded: Callable[[str], Loaded], move: Callable[..., Move]
) -> None:
    """Into a database that the run makes. Its tables, indexes, constraints and triggers are those of a plain build."""
    sample, source, schema, rows, built = loaded(name)
    moved = move(source)
    # Many small chunks where one costs little; a few else.
    chunk_mb = int((name, engine) != ("chinook", "copy"))
    moved.project.config(f"[schema-to-schema]\ncapture = 'none'\nchunk_mb = {chunk_mb}\n")
    moved.project.schema("10_all.sql", schema)
    moved.map(sample.map)
    report = await moved(engine)
    assert report.created
    assert contents(moved.target, sample.expected) == rows
    assert dump(moved.target) == built
    assert moved.on_target(LEFT_BEHIND) == "0"
    assert (await moved.validate()).exit_code == 0
    table, change, key = sample.harm
    moved.on_target(f"SET session_replication_role = replica; {change}")
    found = await moved.validate(table)
    assert found.exit_code == 7
    assert [each.mismatches for each in found.tables] == [(Mismatch(key=key, how="different"),)]
    if name == "pagila":
        assert moved.on_target(SEQUENCES) == moved.on_source(SEQUENCES)
