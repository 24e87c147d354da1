"""A plan in one transaction: as few messages as can be, and found out what failed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from confiture.connect import roll_back
from confiture.errors import ConfitureError
from confiture.locks import is_pooled
from confiture.model import Execution, Plan, Statement
from confiture_runner.batches import BATCH_BYTES, BATCH_STATEMENTS, SEPARATOR, Batch, cut, join
from confiture_runner.failures import WAITED, commit_failure, failure, is_lost
from confiture_runner.limits import careful, common_limits, limited, local_limits, put_back
from confiture_runner.measuring import Meter
from confiture_runner.retries import persistently
from confiture_runner.roles import provide_roles

if TYPE_CHECKING:
    import asyncpg

    from confiture.protocols import Connection
    from confiture_runner.session import Session

__all__ = ["reset", "run_atomic"]

_RESET = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL"
#: What failed sooner is run again to learn which part of a message it was: that holds nobody up for longer than this.
_REPLAYED_S = 1.0


async def reset(connection: Connection) -> None:
    """Undo whatever SET, SET ROLE and SET SESSION AUTHORIZATION did."""
    await connection.execute(_RESET)


class _TakenBack(Exception):
    """Ends a transaction that is to be rolled back."""


async def run_atomic(session: Session, done: Callable[[int], None]) -> tuple[int, tuple[str, ...]]:
    """Run the plan in one transaction, inside of the caller's where there is one; rows copied, roles created.

    Raises as :meth:`Session.run`; ``StatementFailed`` where the COMMIT itself fails.
    """
    counted = 0

    def count(finished: int) -> None:
        nonlocal counted
        counted += finished
        done(finished)

    async def attempt() -> tuple[int, tuple[str, ...]]:
        nonlocal counted
        if counted:  # an attempt that was taken back
            done(-counted)
            counted = 0
        nested = session.connection.is_in_transaction()
        if not nested and (messages := _messages(session.plan, session.execution, session.given)):
            return await _run_glued(session, messages, count), ()
        return await _run_in_steps(session, count, nested=nested)

    return await persistently(session, attempt)


def _messages(plan: Plan, execution: Execution, given: bool) -> list[Batch] | None:
    """The whole transaction as messages, BEGIN in the first and COMMIT in the last; None where it needs steps between.

    Of a careful execution each statement has a message, so that it is known which one had to wait; those without a
    place in a file at the end, which are somebody's bookkeeping, go with the last.
    """
    statements = plan.statements
    if not statements or execution.rollback or execution.measure:
        return None
    if any(_needs_steps(statement) for statement in statements):
        return None
    if _names_roles(plan):
        return None  # which of them are missing is asked in between
    prefix = f"BEGIN{SEPARATOR}{local_limits(execution)}"
    suffix = f"{SEPARATOR}COMMIT"
    if any(statement.session for statement in statements):
        if not given:
            return None  # whether a pooler keeps the session is asked in between
        suffix += f"{SEPARATOR}{_RESET}"
    if careful(execution):
        last = next((n for n in reversed(range(len(statements))) if statements[n].origin), len(statements) - 1)
        if sum(len(statement.sql) for statement in statements[last:]) > BATCH_BYTES:
            return None
        groups = [*((number,) for number in range(last)), tuple(range(last, len(statements)))]
        messages = [join(statements, group) for group in groups]
    else:
        messages = list(cut(statements, range(len(statements))))
        if len(messages) > 1 or len(statements) > BATCH_STATEMENTS:
            return None
    messages[0] = messages[0].within(prefix, "")
    messages[-1] = messages[-1].within("", suffix)
    return messages


def _names_roles(plan: Plan) -> bool:
    from confiture.sql import roles_named

    return bool(roles_named(plan))


def _needs_steps(statement: Statement) -> bool:
    return (
        statement.copy_data is not None
        or statement.lock_timeout_s is not None
        or statement.statement_timeout_s is not None
        or not statement.transactional
    )


async def _run_glued(session: Session, messages: list[Batch], done: Callable[[int], None]) -> int:
    import asyncpg

    connection = session.connection
    started = 0.0
    try:
        for message in messages:
            session.batch = message
            started = time.monotonic()
            await connection.execute(message.text)
            done(len(message.numbers))
    except asyncpg.PostgresError as error:
        if is_lost(connection, error):
            raise
        await roll_back(connection)
        raised = _told(session, message, message is messages[-1], error, time.monotonic() - started)
        if raised is not None:
            raise raised from error
        session.note_replay(message, error)
    except BaseException:
        await roll_back(connection)
        if any(statement.session for statement in session.plan.statements):
            # It may have struck behind the COMMIT.
            await put_back(connection, lambda: reset(connection))
        raise
    else:
        return 0
    rows, _ = await _run_in_steps(session, done, nested=False, most=1)
    return rows


def _told(
    session: Session, message: Batch, last: bool, error: asyncpg.PostgresError, seconds: float
) -> ConfitureError | None:
    """The error of the statement that it was; None where a replay is to tell."""
    plan = session.plan
    if error.position:
        number, position = message.locate(int(error.position))
        return session.failed(number, failure(plan, number, error, position))
    if (len(message.numbers) > 1 or last) and error.sqlstate not in WAITED and seconds < _REPLAYED_S:
        return None
    # Of what is together in a message, bookkeeping and COMMIT are least likely to take long.
    number = next((n for n in message.numbers if plan.statements[n].origin), message.numbers[0])
    return session.failed(number, failure(plan, number, error))


async def _run_in_steps(
    session: Session, done: Callable[[int], None], *, nested: bool, most: int = BATCH_STATEMENTS
) -> tuple[int, tuple[str, ...]]:
    import asyncpg

    connection, plan, execution = session.connection, session.plan, session.execution
    if careful(execution):
        most = 1
    rows = 0
    whole = False
    created: tuple[str, ...] = ()
    try:
        async with session.ctx.transaction(connection):
            created = await provide_roles(session.ctx, connection, plan, execution)
            # In a transaction of the caller's, SET LOCAL would hold for the rest of that.
            async with limited(connection, common_limits(execution) if nested else {}, local=True):
                if not nested and (limits := local_limits(execution)):
                    await connection.execute(limits)
                meter = await Meter.start(connection) if execution.measure else None
                for batch in cut(plan.statements, range(len(plan.statements)), most=most):
                    started = time.monotonic()
                    rows += await session.run(batch)
                    done(len(batch.numbers))
                    if meter is not None:
                        await meter.add(batch.numbers[0], time.monotonic() - started)
                        session.measured = meter.measured
            if execution.rollback:
                whole = True
                await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
                raise _TakenBack
            # A pooler's session is the next client's too: it would find our search_path or role in it.
            if any(statement.session for statement in plan.statements) and (
                session.given or await is_pooled(connection)
            ):
                await reset(connection)
            whole = True
    except _TakenBack:
        pass
    except asyncpg.PostgresError as error:
        if whole and not is_lost(connection, error):
            raise commit_failure(error) from error
        raise
    return rows, created
