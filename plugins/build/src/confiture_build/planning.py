"""From files to plans: parsed, checked, ordered. Nothing here touches a database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import UnsupportedScript
from confiture.model import Plan
from confiture_build.model import OrderedStatement

if TYPE_CHECKING:
    from confiture.sql.dependencies.order import Moved
    from confiture_build.sources import Sources

__all__ = ["LazyPlans", "Plans", "explain"]

#: Statements about the whole server: no failed build could take them back, no second build could run them.
_OF_THE_SERVER = {
    "AlterSystemStmt": "ALTER SYSTEM",
    "CreatedbStmt": "CREATE DATABASE",
    "DropdbStmt": "DROP DATABASE",
    "CreateTableSpaceStmt": "CREATE TABLESPACE",
    "DropTableSpaceStmt": "DROP TABLESPACE",
}


class Plans(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of the schema, and why some of its statements stand elsewhere than in the files."""

    schema: Plan
    moved: tuple[Moved, ...] = ()


class LazyPlans:
    """The plans of some sources, made when they are first needed: a clone of a template needs none."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._made: Plans | None = None
        self._begun: asyncio.Future[Plans] | None = None
        self._seeds: Plan | None = None

    def begin(self) -> None:
        """Start parsing in a thread, while the server is busy with something else; :meth:`ready` waits for it."""
        if self._made is None and self._begun is None:
            self._begun = asyncio.get_running_loop().run_in_executor(None, _make, self._sources)
            # Where something else fails first, nobody asks for it any more.
            self._begun.add_done_callback(lambda future: future.cancelled() or future.exception())

    async def ready(self) -> Plans:
        """Like :meth:`made`."""
        if self._begun is not None and self._made is None:
            self._made = await self._begun
        return self.made()

    def made(self) -> Plans:
        """The schema parsed, and sorted where ``order`` is ``auto``.

        Raises ``SyntaxInvalid``, ``UnsupportedScript``, ``DependencyError``.
        """
        if self._made is None:
            self._made = _make(self._sources)
        return self._made

    def seeds(self) -> Plan:
        """The seeds parsed, always in the order of their files."""
        if self._seeds is None:
            from confiture import sql

            seeds = self._sources.seeds
            self._seeds = sql.read_script(seeds) if seeds else Plan(statements=())
            _refuse_server_wide(self._seeds)
        return self._seeds


def _make(sources: Sources) -> Plans:
    from confiture import sql

    schema = sql.read_script(sources.schema)
    _refuse_server_wide(schema)
    if sources.order != "auto":
        return Plans(schema=schema)
    ordering = sql.order_statements(schema)
    return Plans(schema=msgspec.structs.replace(schema, statements=ordering.statements), moved=ordering.moved)


def _refuse_server_wide(plan: Plan) -> None:
    for statement in plan.statements:
        if name := _OF_THE_SERVER.get(statement.kind):
            origin = statement.origin
            raise UnsupportedScript(
                f"{name} belongs to the server, not to the schema of a database",
                file=origin.file if origin else None,
                line=origin.line if origin else None,
                hint="run it once by hand where it is needed",
            )


def explain(plans: Plans) -> tuple[OrderedStatement, ...]:
    """The order, statement by statement, and why a statement was moved."""
    reasons = {id(moved.statement): moved for moved in plans.moved}
    rows = []
    for statement in plans.schema.statements:
        origin, moved = statement.origin, reasons.get(id(statement))
        rows.append(
            OrderedStatement(
                file=origin.file if origin else "",
                line=origin.line if origin else 0,
                text=_first_line(statement.sql),
                because=_reasons(moved) if moved else (),
            )
        )
    return tuple(rows)


def _reasons(moved: Moved) -> tuple[str, ...]:
    reasons = [
        f"needs {because.need}" + (f", made in {because.origin.file}:{because.origin.line}" if because.origin else "")
        for because in moved.because
    ]
    return (*reasons, moved.note) if moved.note else tuple(reasons)


def _first_line(sql: str, width: int = 72) -> str:
    line = " ".join(sql.split())
    return line if len(line) <= width else line[: width - 1] + "…"
