"""Several migrations in one transaction: ``--single-transaction``, and rehearsals."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio

from confiture.errors import DatabaseConnectionError, Refused
from confiture.model import Plan, SourceFile, Statement
from confiture.translate import translate
from confiture_incremental.model import Applied
from confiture_incremental.recorded import Recorded, record_live
from confiture_incremental.running import ending, find_out, record_failure
from confiture_incremental.segments import closing

if TYPE_CHECKING:
    from confiture_incremental.deployment import Deployment

__all__ = ["combined", "run_together", "whole"]

_RECORD_TIMEOUT_S = 5.0


async def whole(deployment: Deployment, recorded: Sequence[Recorded]) -> list[Recorded]:
    """All of them as plans. Raises ``Refused`` for one that reads what another one is still to write."""
    found: list[Recorded] = []
    for number, one in enumerate(recorded):
        if one.plan is None and number:
            raise Refused(
                f"{one.version} ({one.name}) reads the database, and {found[-1].version} is to be run before it",
                file=one.migration.file.shown,
                hint="run what comes before it first: --target " + found[-1].version,
            )
        found.append(await record_live(one, deployment))
    return found


def combined(recorded: Sequence[Recorded], deployment: Deployment, *, rows: bool = True) -> Plan:
    """One plan for one transaction. ``rows``: with those of the history."""
    statements: list[Statement] = []
    sources: list[SourceFile] = []
    for one in recorded:
        assert one.plan is not None
        statements += [*one.rest.statements, *closing(one.rest.statements)]
        if rows:
            statements.append(deployment.tracking.insert([ending(one)]))
        sources += one.plan.sources
    return Plan(statements=tuple(statements), sources=tuple(sources))


async def run_together(deployment: Deployment, recorded: Sequence[Recorded]) -> list[Applied]:
    """Run all or none of them. Raises ``Refused`` before anything runs where one cannot be part of a transaction."""
    for one in recorded:
        for statement in one.rest.statements:
            if not statement.transactional:
                raise Refused(
                    f"{one.version} ({one.name}) cannot be part of one transaction: {_first_line(statement)}",
                    file=statement.origin.file if statement.origin else None,
                    line=statement.origin.line if statement.origin else None,
                    hint="leave --single-transaction out, or run it by itself",
                )
    started = time.monotonic()
    last = recorded[-1]
    try:
        await deployment.run(combined(recorded, deployment))
    except Exception as error:
        translated = translate(error, ())
        if deployment.connection.is_closed() or isinstance(translated, DatabaseConnectionError):
            if not await find_out(deployment, last, translated):
                raise translated from error
        else:
            await record_failure(deployment, _failed(recorded, translated), str(translated))
            raise
    except BaseException:
        with anyio.CancelScope(shield=True), anyio.move_on_after(_RECORD_TIMEOUT_S):
            await record_failure(deployment, last, "cancelled")
        raise
    seconds = time.monotonic() - started
    return [
        Applied(
            version=one.version,
            name=one.name,
            direction=one.direction,
            statements=len(one.rest.statements),
            seconds=seconds / len(recorded),
        )
        for one in recorded
    ]


def _failed(recorded: Sequence[Recorded], error: BaseException) -> Recorded:
    """The migration that the error points into; the last one where it points nowhere."""
    file = getattr(error, "file", None)
    for one in recorded:
        if file is not None and file in (one.migration.file.shown, one.migration.file.down_shown):
            return one
    return recorded[-1]


def _first_line(statement: Statement) -> str:
    return statement.sql.strip().splitlines()[0]
