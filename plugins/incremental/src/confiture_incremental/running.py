"""Runs one migration: its transactions, the rows that say how far it is, and what became of a lost COMMIT."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio
import msgspec

from confiture.errors import ConfitureError, ConnectionLost, DatabaseConnectionError, StatementFailed
from confiture.migrations.tracking import Record, State
from confiture.model import Note, Statement
from confiture.translate import translate
from confiture_incremental.model import Applied
from confiture_incremental.recorded import Recorded, record_live
from confiture_incremental.segments import Segment, closing, cut, progress_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confiture_incremental.deployment import Deployment

__all__ = ["ending", "find_out", "record_failure", "run_migration"]

#: A value that was added to an enum is used in the transaction that added it.
_UNSAFE_ENUM_USE = "55P04"
#: Statements of which something is left where they fail.
_LEAVES_SOMETHING = frozenset({"IndexStmt", "ReindexStmt", "AlterTableStmt"})
#: How long the row of a failure, or of a cancellation, may take to be written.
_RECORD_TIMEOUT_S = 5.0
#: How long a lost server is looked for, to find out what became of a COMMIT.
_RECONNECT_S = 15.0


async def run_migration(deployment: Deployment, recorded: Recorded) -> Applied:
    """Run what is left of the migration.

    Each of its transactions holds the row that says so; before and after a statement that runs outside of one, a row
    of its own is written. Raises what the executor raises, after the failure has been recorded; ``ConnectionLost``
    saying whether the migration took place, where that could be found out.
    """
    started = time.monotonic()
    recorded = await record_live(recorded, deployment)
    try:
        try:
            retries = await _run(deployment, recorded, started, enums=False)
        except StatementFailed as error:
            if error.sqlstate != _UNSAFE_ENUM_USE:
                raise
            retries = await _run(deployment, await _again(deployment, recorded), started, enums=True)
    except Exception as error:
        translated = translate(error, ())
        if deployment.connection.is_closed() or isinstance(translated, DatabaseConnectionError):
            retries = 0
            if not await find_out(deployment, recorded, translated):
                raise translated from error
        else:
            await record_failure(deployment, recorded, str(translated))
            raise
    except BaseException:  # cancelled: what ran in a transaction is taken back; of the rest nobody heard the answer
        with anyio.CancelScope(shield=True), anyio.move_on_after(_RECORD_TIMEOUT_S):
            await record_failure(deployment, recorded, "cancelled", seen=False)
        raise
    assert recorded.plan is not None
    return Applied(
        version=recorded.version,
        name=recorded.name,
        direction=recorded.direction,
        statements=len(recorded.plan.statements),
        seconds=time.monotonic() - started,
        retries=retries,
        resumed_at=recorded.done + 1 if recorded.done >= 0 else None,
    )


def ending(recorded: Recorded, *, seconds: float | None = None, state: State = "applied") -> Record:
    """The row that says that the migration is done."""
    return Record(
        version=recorded.version,
        name=recorded.name,
        checksum=recorded.migration.checksum,
        direction=recorded.direction,
        state=state,
        statements=len(recorded.plan.statements) if recorded.plan is not None else 0,
        seconds=seconds,
    )


async def _run(deployment: Deployment, recorded: Recorded, started: float, *, enums: bool) -> int:
    """The retries that it took."""
    assert recorded.plan is not None
    statements = recorded.plan.statements
    total = len(statements)
    segments = _cut(statements, max(recorded.done, 0), enums=enums)
    retries = 0
    if segments and not segments[0].transactional and not recorded.interrupted:
        # Also behind a failure: where this attempt is cut, that row must not stand for it.
        await deployment.write(_step(recorded, max(recorded.done, 0)))
    for number, segment in enumerate(segments):
        last = segment.last == total
        seconds = time.monotonic() - started if len(segments) > 1 else None
        row = ending(recorded, seconds=seconds) if last else _step(recorded, segment.last)
        part = statements[segment.first : segment.last]
        if segment.transactional:
            plan = msgspec.structs.replace(
                recorded.plan, statements=(*part, *closing(part), deployment.tracking.insert([row]))
            )
            retries += (await deployment.run(plan)).retries
            continue
        alone = msgspec.structs.replace(
            deployment.execution, atomic=False, interrupted=number == 0 and _may_have_happened(recorded, part[0])
        )
        retries += (await deployment.run(msgspec.structs.replace(recorded.plan, statements=part), alone)).retries
        if last:
            row = msgspec.structs.replace(row, seconds=time.monotonic() - started)
        await deployment.write(row)
    if not segments:
        await deployment.write(ending(recorded, seconds=time.monotonic() - started))
    return retries


def _cut(statements: Sequence[Statement], done: int, *, enums: bool) -> list[Segment]:
    """With ``enums`` a transaction ends behind each value that is added to an enum."""
    segments = cut(statements, done)
    if not enums:
        return segments
    found = []
    for segment in segments:
        first = segment.first
        for number in range(segment.first, segment.last):
            if statements[number].kind == "AlterEnumStmt" or number + 1 == segment.last:
                found.append(msgspec.structs.replace(segment, first=first, last=number + 1))
                first = number + 1
    return found


def _step(recorded: Recorded, done: int) -> Record:
    assert recorded.plan is not None
    return Record(
        version=recorded.version,
        name=recorded.name,
        checksum=recorded.migration.checksum,
        direction=recorded.direction,
        state="started",
        statements=done,
        progress=progress_of(recorded.plan.statements, done),
    )


def _may_have_happened(recorded: Recorded, statement: Statement) -> bool:
    """Whether the statement is to be looked for first.

    Where the server said that it failed, it did not take place; but a build of an index that failed leaves that index.
    """
    return recorded.interrupted or (recorded.done >= 0 and statement.kind in _LEAVES_SOMETHING)


async def _again(deployment: Deployment, recorded: Recorded) -> Recorded:
    """The same with what is done by now."""
    standing = (await deployment.read()).standings.get(recorded.migration.file.number)
    if standing is None or standing.partial != recorded.direction:
        return recorded
    return msgspec.structs.replace(recorded, done=standing.done)


async def record_failure(deployment: Deployment, recorded: Recorded, message: str, *, seen: bool = True) -> None:
    """Append the row of a failure; the failure itself is what is told, whatever becomes of the row.

    ``seen``: the server said how the statement ended. Else what runs outside of a transaction may have taken place.
    """
    try:
        standing = (await deployment.read()).standings.get(recorded.migration.file.number)
        half_way = standing is not None and standing.partial == recorded.direction
        await deployment.write(
            Record(
                version=recorded.version,
                name=recorded.name,
                checksum=recorded.migration.checksum,
                direction=recorded.direction,
                state="failed" if seen or not half_way else "started",
                statements=standing.done if standing is not None and half_way else 0,
                progress=standing.progress if standing is not None and half_way else None,
                message=message,
            )
        )
    except Exception as error:
        deployment.ctx.emit(Note(message=f"the failure could not be recorded: {translate(error, ())}"))


async def find_out(deployment: Deployment, recorded: Recorded, lost: BaseException) -> bool:
    """Whether the migration took place, though the connection ended before the answer came.

    A new session waits for the end of the old one's server process, and reads the history. Raises ``ConnectionLost``
    saying what is known where the migration did not take place, or nobody can tell.
    """
    before = max((event.id for event in deployment.history.events), default=0)
    what = f"{recorded.version} ({recorded.name})"
    try:
        await _reconnect(deployment)
    except ConfitureError as error:
        raise ConnectionLost(
            f"the connection was lost while {what} ran, and nobody can tell yet whether it took place: {lost}",
            hint="once the server is back: `confiture migrate status`, then run it again",
            detail=str(error),
        ) from error
    standing = deployment.history.standings.get(recorded.migration.file.number)
    if (
        standing is not None
        and standing.last.id > before
        and standing.last.state == "applied"
        and standing.last.direction == recorded.direction
    ):
        deployment.ctx.emit(Note(message=f"the connection was lost; {what} had taken place by then"))
        return True
    await record_failure(deployment, recorded, f"the connection was lost: {lost}", seen=False)
    half_way = standing is not None and standing.partial == recorded.direction and standing.done
    left = f"{half_way} of its statements are done" if half_way else "nothing of it is left"
    raise ConnectionLost(
        f"the connection was lost while {what} ran: it did not take place, {left}",
        hint="see the server's log for why, then run it again",
        detail=str(lost),
    )


async def _reconnect(deployment: Deployment) -> None:
    """A new session that owns the database and has read its history, as soon as the server takes one.

    Where a server process was killed, the server takes sessions for a moment before it ends them all.
    """
    deadline = anyio.current_time() + _RECONNECT_S
    while True:
        try:
            await deployment.connect()
            await deployment.own()
            await deployment.read()
        except Exception as error:
            translated = translate(error, ())
            if not isinstance(translated, DatabaseConnectionError) or anyio.current_time() > deadline:
                raise translated from error
            await anyio.sleep(0.3)
        else:
            return
