"""The tool that is judged, in this process: two sides in, the SQL of a plan out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from confiture.config import Environment
from confiture.hooks import DIFFER, INSPECTOR
from confiture.kernel import Kernel
from confiture.model import Decisions, DiffOptions, Hazard, Plan
from confiture.run import Run
from confiture_diff.render import as_sql
from diff.databases import Databases

__all__ = ["Planned", "Planner", "Side", "planner"]


@dataclass(frozen=True)
class Side:
    """A state of a schema: its script, and the database that holds it."""

    script: Path
    database: str


@dataclass(frozen=True)
class Planned:
    """What the tool says: ``sql`` for psql, "" where there is nothing to do, and the hazards that it named."""

    sql: str
    hazards: tuple[Hazard, ...] = ()


class Planner:
    """Asks the medium ``diff``; where ``direct``, the differ alone about the two databases as they are."""

    def __init__(self, run: Run, databases: Databases, *, direct: bool) -> None:
        self._run = run
        self._databases = databases
        self.direct = direct

    async def plan(
        self, old: Side, new: Side, *, renames: tuple[tuple[str, str], ...] = (), drops: tuple[str, ...] = ()
    ) -> Planned:
        """The plan from ``old`` to ``new``. Raises what the tool raises."""
        if self.direct:
            return await self._differ(old, new, Decisions(renames=renames, drops=drops))
        report = await self._run.start(
            "diff",
            old=str(old.script),
            new=str(new.script),
            renames=[list(pair) for pair in renames],
            drops=list(drops),
            prove=False,
            backward=False,
        )
        return Planned(as_sql(report.plan), _hazards(report.plan))

    async def _differ(self, old: Side, new: Side, decisions: Decisions) -> Planned:
        """What the medium does about names, without scripts: on a copy of the old database."""
        differ, inspector = self._run.get(DIFFER, "catalog"), self._run.get(INSPECTOR, "catalog")
        before = await inspector.inspect(self._run, self._databases.target(old.database))
        after = await inspector.inspect(self._run, self._databases.target(new.database))
        statements: list[Any] = []
        copy = f"{old.database}_copy"
        try:
            while True:
                matching = await differ.match(self._run, before, after, decisions)
                if matching.questions:
                    raise NeedsDecisions("; ".join(question.old.identity for question in matching.questions))
                if not matching.statements:
                    break
                if not statements:
                    self._databases.create(copy, template=old.database)
                statements += matching.statements
                async with self._run.connect(self._databases.target(copy)) as connection:
                    for statement in matching.statements:
                        await connection.execute(statement.sql)
                before = await inspector.inspect(self._run, self._databases.target(copy))
                decisions = Decisions(drops=decisions.drops)
        finally:
            if statements:
                self._databases.drop(copy)
        plan = await differ.diff(self._run, before, after, DiffOptions(drops=decisions.drops))
        plan = msgspec.structs.replace(plan, statements=(*statements, *plan.statements))
        return Planned(as_sql(plan), _hazards(plan))


class NeedsDecisions(Exception):
    """The differ asks what became of something."""

    code = "decisions-needed"


def _hazards(plan: Plan) -> tuple[Hazard, ...]:
    return tuple(hazard for statement in plan.statements for hazard in statement.hazards)


@asynccontextmanager
async def planner(databases: Databases, folder: Path, *, direct: bool = False) -> AsyncIterator[Planner]:
    """A planner whose scratch databases are on the judge's own server; ``folder`` becomes its project."""
    url = databases.url("postgres")
    async with Kernel(_project(folder, url)).run(environment=Environment(name="local", database_url=url)) as run:
        yield Planner(run, databases, direct=direct)


def _project(folder: Path, url: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "confiture.toml").write_text(f"[scratch]\nurl = '{url}'\n")
    return folder
