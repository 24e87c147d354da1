"""Two databases and a map between them, compiled as a start does it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from confiture.model import Target
from confiture.testing import open_context
from confiture_schema_to_schema.checking import preflight
from confiture_schema_to_schema.mapping import read_map
from confiture_schema_to_schema.model import Finding
from confiture_schema_to_schema.opening import compiled
from confiture_schema_to_schema.values import Job, Sides

#: It has no power at all. A session's workers share it.
PLAIN = "move_plain"


@pytest.fixture
def source(new_database: Callable[[], Target]) -> Target:
    return msgspec.structs.replace(new_database(), label="production")


@pytest.fixture
def target(new_database: Callable[[], Target]) -> Target:
    return msgspec.structs.replace(new_database(), label="production_new")


@pytest.fixture(scope="session")
def plain(server, psql) -> Callable[[Target], Target]:
    """The same database, for a role without any power."""
    psql(
        server,
        f"SELECT pg_advisory_lock(4712);SELECT 'CREATE ROLE {PLAIN} LOGIN' WHERE to_regrole('{PLAIN}') IS NULL \\gexec",
    )
    return lambda target: msgspec.structs.replace(target, params={**target.params, "user": PLAIN})


class Checked:
    """What was found. ``of("unique")`` are those of a kind, as (level, rows, keys)."""

    def __init__(self, job: Job, findings: tuple[Finding, ...]) -> None:
        self.job = job
        self.findings = findings

    def of(self, check: str) -> list[tuple]:
        return [(each.level, each.rows, each.keys) for each in self.findings if each.check == check]

    def messages(self, *levels: str) -> list[str]:
        return [each.message for each in self.findings if not levels or each.level in levels]


@pytest.fixture
async def ctx(project):
    async with open_context(project.root) as run:
        yield run


@pytest.fixture
def check(ctx, project, source, target) -> Callable:
    """``await check("a map in YAML")``: the map compiled without an error, and what its preflight finds."""

    async def check(
        map_: str = "", *, rows: bool = True, exists: bool = True, run_id: str = "r1", **options
    ) -> Checked:
        project.write("map.yaml", map_ or "tables: {}\n")
        sides = Sides(source=options.get("source", source), target=options.get("target", target))
        compiled_to = options.get("schema", target)
        tables = options.get("tables", ())
        # What is compiled may be more than the roles of a test may read.
        job, found = await compiled(
            ctx,
            msgspec.structs.replace(sides, source=options.get("compiled_from", source)),
            compiled_to,
            read_map(ctx, "map.yaml"),
            strategy="copy",
            tables=tables,
            run_id=run_id,
        )
        assert [each for each in found if each.level == "error"] == []
        job = msgspec.structs.replace(job, sides=sides)
        place = options.get("target", target) if exists else compiled_to
        return Checked(job, await preflight(ctx, job, place, exists=exists, rows=rows))

    return check
