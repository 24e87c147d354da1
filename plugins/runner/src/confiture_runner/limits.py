"""Which ``lock_timeout`` and ``statement_timeout`` a statement runs under."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from confiture.connect import settle
from confiture.model import Execution, Statement
from confiture_runner.batches import SEPARATOR

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["careful", "common_limits", "limited", "limits_of", "local_limits", "put_back"]

_LOCK = "lock_timeout"
_STATEMENT = "statement_timeout"
#: They wait for old transactions through locks on them, which lock_timeout counts, and nobody waits behind them.
_PATIENT = frozenset(
    {
        "CREATE INDEX CONCURRENTLY",
        "DROP INDEX CONCURRENTLY",
        "REINDEX CONCURRENTLY",
        "ALTER TABLE ... DETACH PARTITION CONCURRENTLY",
        "VACUUM",
    }
)


def careful(execution: Execution) -> bool:
    """Whether a statement may be made to wait or stop: it must then be known which one it was."""
    return execution.lock_timeout_s is not None or execution.statement_timeout_s is not None or execution.measure


def common_limits(execution: Execution) -> dict[str, str]:
    """The settings of all statements that have none of their own."""
    limits = _settings(execution.lock_timeout_s, execution.statement_timeout_s)
    return limits if execution.check_bodies else {**limits, "check_function_bodies": "off"}


def local_limits(execution: Execution) -> str:
    """SQL that sets them until the transaction ends; "" where there is nothing to set. Ends in a separator."""
    return "".join(f"SET LOCAL {name} = '{value}'{SEPARATOR}" for name, value in common_limits(execution).items())


def limits_of(statement: Statement, execution: Execution) -> dict[str, str]:
    """The settings of the statement alone, beyond the common ones."""
    lock_s = statement.lock_timeout_s
    if lock_s is None and execution.lock_timeout_s and not statement.transactional and _is_patient(statement):
        lock_s = 0
    return _settings(lock_s, statement.statement_timeout_s)


def _settings(lock_s: float | None, statement_s: float | None) -> dict[str, str]:
    return {
        # 0 would be no limit at all.
        name: f"{max(1, round(seconds * 1000)) if seconds > 0 else 0}ms"
        for name, seconds in ((_LOCK, lock_s), (_STATEMENT, statement_s))
        if seconds is not None
    }


def _is_patient(statement: Statement) -> bool:
    from confiture.sql.grammar import GrammarError, parse, unwrap
    from confiture.sql.transactional import why_not_transactional

    try:
        node = unwrap(parse(statement.sql).stmts[0].stmt)
    except (GrammarError, IndexError):
        return False
    if type(node).__name__ == "VacuumStmt" and any(each.def_elem.defname == "full" for each in node.options):
        return False  # it locks the table against everybody
    return why_not_transactional(node) in _PATIENT


@asynccontextmanager
async def limited(connection: Connection, settings: Mapping[str, str], *, local: bool = False) -> AsyncIterator[None]:
    """Set them, and set back what was before. ``local``: only for the rest of the transaction that is open.

    A transaction that failed takes its settings with it: then, and where the connection is gone, nothing is done.
    """
    if not settings:
        yield
        return
    names = list(settings)
    shown = ", ".join(f"current_setting('{name}')" for name in names)
    before = list(await connection.fetchrow(f"SELECT {shown}"))
    try:
        await _set(connection, names, [settings[name] for name in names], local)
        yield
        await _set(connection, names, before, local)
    except BaseException:
        if not local:
            await put_back(connection, lambda: _set(connection, names, before, local=False))
        raise


async def put_back(connection: Connection, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Restore the session by ``step`` after an error, shielded; the socket is cut where that fails.

    Nobody would expect to find our settings in it. In a transaction that failed there is nothing to do: its end
    takes them away.
    """
    done = False
    with suppress(Exception):
        done = await settle(connection, step)
    if not done and not (connection.is_closed() or connection.is_in_transaction()):
        connection.terminate()


async def _set(connection: Connection, names: list[str], values: list[str], local: bool) -> None:
    # Values such as "500ms" need no quoting; a message without arguments is one round trip.
    calls = ", ".join(
        f"set_config('{name}', '{value}', {str(local).lower()})" for name, value in zip(names, values, strict=True)
    )
    await connection.execute(f"SELECT {calls}")
