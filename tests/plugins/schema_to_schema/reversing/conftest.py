"""Two databases, a map between them, and psql that brings the rows to the new one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from confiture.hooks import CAPTURE
from confiture.model import Target
from confiture.quoting import quote_ident
from confiture_schema_to_schema.capturing import plan_watch
from confiture_schema_to_schema.following import catch_up, follow_state_of, take_epoch
from confiture_schema_to_schema.mapping import read_map
from confiture_schema_to_schema.model import FollowRequest
from confiture_schema_to_schema.opening import compiled
from confiture_schema_to_schema.reversing import reverse_job
from confiture_schema_to_schema.sides import find_sides
from confiture_schema_to_schema.values import Job
from conftest import ProjectFolder, run_psql

CONFIG = '[schema-to-schema]\nstrategy = "copy"\ncapture = "triggers"\n'

_EMPTY = """
SET client_min_messages = warning;
DO $$ DECLARE s text; BEGIN
    FOR s IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', s);
    END LOOP; END $$;
CREATE SCHEMA public;
"""


@dataclass
class Back:
    """What a map comes to."""

    job: Job
    findings: list[str]
    back: Job
    sentences: tuple[str, ...]


class Way:
    """Both databases."""

    def __init__(self, project: ProjectFolder, pair: tuple[Target, Target], kernel_run: Any) -> None:
        self.project, self._run = project, kernel_run
        self.old, self.new = pair
        project.environment_for(self.old, "production")
        project.environment_for(self.new, "production_new")

    async def compile(self, old: str, new: str, map_: str) -> Back:
        """Fill both with DDL."""
        run_psql(self.old, _EMPTY + old)
        run_psql(self.new, _EMPTY + new)
        self.project.write("db/migration_map.yaml", map_)
        async with self._run(self.project, database=self.old) as ctx:
            return await self._compiled(ctx)

    async def _compiled(self, ctx: Any) -> Back:
        sides = await find_sides(ctx, FollowRequest())
        job, findings = await compiled(
            ctx, sides, sides.target, read_map(ctx, None), strategy="copy", tables=(), run_id="r1"
        )
        return Back(job, [each.message for each in findings if each.level == "error"], *reverse_job(job))

    def move(self, job: Job) -> None:
        """Have psql bring all rows to the new database."""
        for table in job.tables:
            for part in table.parts:
                run_psql(self.new, _copy(run_psql(self.old, f"COPY ({part.query}) TO STDOUT"), table, part))

    def differing(self, back: Job) -> dict[str, int]:
        """Rows of the old tables, as far as their parts go, that the way back does not give; and the other way."""
        found = {}
        for table in back.tables:
            names = _names(table.parts[0])
            sql = f"BEGIN; CREATE TEMP TABLE came AS SELECT {names} FROM {table.table.sql} WHERE false;"
            for part in table.parts:
                rows = run_psql(self.new, f"COPY ({part.query}) TO STDOUT")
                sql += f"COPY came ({names}) FROM STDIN;\n{rows}{chr(10) if rows else ''}\\.\n"
            within = " OR ".join(f"({part.within or 'true'})" for part in table.parts)
            held = f"SELECT {names} FROM {table.table.sql} AS t WHERE {within}"
            sql += f"""SELECT (SELECT count(*) FROM ({held} EXCEPT ALL TABLE came) AS a)
                            + (SELECT count(*) FROM (TABLE came EXCEPT ALL {held}) AS b), (SELECT count(*) FROM came)"""
            number, rows_there = run_psql(self.old, sql).split()[-1].split("|")
            assert int(rows_there), f"nothing came back to {table.label}"
            if int(number):
                found[table.label] = int(number)
        return found

    @asynccontextmanager
    async def following_back(self) -> AsyncIterator[Any]:
        """The old database follows the new one: ``await batch()``."""
        async with self._run(self.project, database=self.old) as ctx:
            back = (await self._compiled(ctx)).back
            watch, findings = plan_watch(back, "triggers")
            assert findings == ()
            await ctx.get(CAPTURE, "triggers").install(ctx, back.sides.source, watch.name, watch.tables)
            async with ctx.connect(back.sides.target) as connection:
                await follow_state_of(ctx).create(connection, back.run_id, watch)
            epoch = await take_epoch(ctx, back)

            async def batch() -> Any:
                return await catch_up(ctx, back, watch, epoch)

            yield batch


def _names(part: Any) -> str:
    return ", ".join(map(quote_ident, part.columns))


def _copy(rows: str, table: Any, part: Any) -> str:
    return f"COPY {table.table.sql} ({_names(part)}) FROM STDIN;\n{rows}{chr(10) if rows else ''}\\.\n"


@pytest.fixture(scope="session")
def pair(new_database: Callable[[], Target]) -> tuple[Target, Target]:
    """Made once, since that is what takes the time."""
    return new_database(), new_database()


@pytest.fixture
def way(project, pair, kernel_run) -> Way:
    project.config(CONFIG)
    return Way(project, pair, kernel_run)
