"""A transaction, or a lone statement, that met a lock: begun anew after a pause, for as long as was asked for."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import anyio

from confiture.errors import Busy, ConfitureError
from confiture.model import Logged, Note
from confiture_runner.failures import LOCKED
from confiture_runner.holders import holders_of
from confiture_runner.relations import relations_of

if TYPE_CHECKING:
    from confiture_runner.holders import Holder
    from confiture_runner.session import Session

__all__ = ["persistently"]

T = TypeVar("T")

#: The first pause, and the longest: each is about twice as long as the one before it.
_FIRST_S = 0.1
_LONGEST_S = 5.0
#: Names beyond these help nobody.
_NAMED = 5


async def persistently(session: Session, attempt: Callable[[], Awaitable[T]], *, repeatable: bool = True) -> T:
    """Do it until it meets no lock, for ``lock_retry_s``. Raises ``Busy``, naming who holds it, and what it raises.

    ``attempt`` leaves no transaction open. What is not ``repeatable`` is tried once; so is what runs inside of a
    transaction of the caller's: the pause would be one with all its locks held.
    """
    given = session.execution.lock_retry_s
    once = session.connection.is_in_transaction() or not repeatable
    started = time.monotonic()
    pause = _FIRST_S
    told = ""
    tries = 0
    while True:
        session.number = None
        tries += 1
        try:
            return await attempt()
        except ConfitureError as error:
            if error.sqlstate not in LOCKED:
                raise
            holders = await _holders(session)
            left = given - (time.monotonic() - started)
            if once or left <= 0:
                raise _busy(error, holders, tries, time.monotonic() - started) from error
            pause_s = min(pause * random.uniform(0.5, 1.5), _LONGEST_S, left)  # noqa: S311 - jitter, not a secret
            told = _tell(session, error, holders, pause_s, told)
        pause = min(pause * 2, _LONGEST_S)
        session.retries += 1
        await anyio.sleep(pause_s)


async def _holders(session: Session) -> list[Holder]:
    import asyncpg

    if session.number is None:
        return []
    statement = session.plan.statements[session.number]
    mode = statement.effects.lock if statement.effects is not None else ""
    try:
        return await holders_of(session.connection, relations_of(statement), mode)
    except asyncpg.PostgresError:  # in a transaction that has failed nobody can ask
        return []


def _tell(session: Session, error: ConfitureError, holders: list[Holder], pause_s: float, told: str) -> str:
    """A note where there is news, else a line for the log; what was told."""
    where = f"{error.where}: " if error.where else ""
    who = "; ".join(map(str, holders[:_NAMED])) or error.message
    message = f"{where}waits for a lock: {who}"
    fields = {"pause_s": round(pause_s, 2), "retries": session.retries + 1, "sqlstate": error.sqlstate}
    if who != told:
        session.ctx.emit(Note(message=message))
    else:
        session.ctx.emit(Logged(message=message, fields=fields))
    return who


def _busy(error: ConfitureError, holders: list[Holder], tries: int, seconds: float) -> Busy:
    tried = f" (tried {tries} times in {seconds:.1f} s)" if tries > 1 else ""
    who = f": {holders[0]}" if holders else ""
    details = [*map(str, holders[1:_NAMED]), *([error.detail] if error.detail else [])]
    if len(holders) > _NAMED:
        details.append(f"and {len(holders) - _NAMED} others")
    return Busy(
        f"{error.message}{tried}{who}",
        hint=error.hint or "wait for those sessions to end, or end them with pg_terminate_backend(), then run again",
        file=error.file,
        line=error.line,
        column=error.column,
        source_line=error.source_line,
        detail="\n".join(details) or None,
        sqlstate=error.sqlstate,
    )
