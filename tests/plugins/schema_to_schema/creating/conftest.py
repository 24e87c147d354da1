"""Two databases, and jobs that are made by hand: what the map says is no matter here."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

import pgserver
from confiture.model import Target, TransferSurvey
from confiture.quoting import quote_ident
from confiture.testing import open_context
from confiture_schema_to_schema.creating import Staging
from confiture_schema_to_schema.values import Catalog, Job, MigrationMap, Part, PartPlan, Sides, Table, TargetTable


@pytest.fixture
def source(new_database: Callable[[], Target]) -> Target:
    return msgspec.structs.replace(new_database(), label="production")


@pytest.fixture
def target(new_database: Callable[[], Target]) -> Target:
    return msgspec.structs.replace(new_database(), label="production_new")


@pytest.fixture
async def ctx(project):
    async with open_context(project.root) as run:
        yield run


def make_job(source: Target, target: Target, *tables: tuple[str, str, str], rows: int, run_id: str = "r1") -> Job:
    """``tables``: the new one, the old one, and the new one's columns as ``a, b=SQL over t``; all in ``public``."""
    old, made = {}, []
    for number, (new, name, columns) in enumerate(tables):
        pairs = [(left.strip(), right) for left, _, right in (each.partition("=") for each in columns.split(","))]
        expressions = ", ".join(right or f"t.{quote_ident(left)}" for left, right in pairs)
        origin = Table(schema="public", name=name, columns=(), rows=rows, bytes=1000)
        old[origin.label] = origin
        part = Part(
            number=number,
            target=f"public.{new}",
            source=origin.label,
            alias="t",
            query=f"SELECT {expressions} FROM {origin.sql} AS t",
            columns=tuple(left for left, _ in pairs),
        )
        made.append((Table(schema="public", name=new, columns=()), part))
    return Job(
        sides=Sides(source=source, target=target),
        map=MigrationMap(),
        old=Catalog(tables=old),
        new=Catalog(tables={table.label: table for table, _ in made}),
        tables=tuple(TargetTable(table=table, parts=(part,)) for table, part in made),
        plans=tuple(
            PartPlan(
                part=part, source=old[part.source], target=table, engine="copy", survey=TransferSurvey(engine="copy")
            )
            for table, part in made
        ),
        run_id=run_id,
    )


@pytest.fixture
def staged(ctx, source, target) -> Callable[..., Staging]:
    """``staged(("new", "old", "columns"), ...)``: what stages these tables. ``rows``: how many each is said to have."""

    def make(*tables: tuple[str, str, str], rows: int = 1_000_000, jobs: int = 2, run_id: str = "r1") -> Staging:
        return Staging(ctx, make_job(source, target, *tables, rows=rows, run_id=run_id), jobs)

    return make


def dump_schema(target: Target) -> str:
    """What pg_dump says of the database, without confiture's own schema."""
    import os
    import re
    import subprocess

    from confiture.config.dsn import to_uri

    command = [
        str(pgserver.binaries() / "pg_dump"),
        "--schema-only",
        "--exclude-schema=confiture",
        to_uri(target.params),
    ]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=True)
    return re.sub(r"(?m)^\\(un)?restrict .*$", "", done.stdout)
