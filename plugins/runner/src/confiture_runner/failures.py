"""Says of a server's error which statement of which file it was, and where in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from confiture.errors import (
    Busy,
    ConfitureError,
    DiskFull,
    FeatureMissing,
    StatementFailed,
    UnsupportedScript,
)
from confiture.migrations.backfill import Backfill
from confiture.model import Plan, SourceFile, Statement
from confiture.redact import redact
from confiture.sql.places import origin_at, source_line_at

if TYPE_CHECKING:
    import asyncpg

    from confiture.protocols import Connection

__all__ = ["LOCKED", "WAITED", "commit_failure", "failure", "is_lost", "name_of", "place", "refuse_untransactional"]

_DISK_FULL = "53100"
_LOCK_NOT_AVAILABLE = "55P03"
_DEADLOCK = "40P01"
_FEATURE_NOT_SUPPORTED = "0A000"
#: Somebody else had a lock, which may be free a moment later.
LOCKED = frozenset({_LOCK_NOT_AVAILABLE, _DEADLOCK})
#: Running it again to find the statement would only do harm or take time: the disk is full, a lock was held, somebody
#: cancelled or a timeout struck.
WAITED = frozenset({_DISK_FULL, "57014", *LOCKED})
#: The server ends the connection with these, before the driver has seen it closed: 57P0x, and all of class 08.
_ENDED = ("57P01", "57P02", "57P03", "57P05", "08")
#: What the user can do, by SQLSTATE. PostgreSQL's own hint stands before it.
_HINTS = {
    _DISK_FULL: "make room on the server's disk, then run again",
    "53200": "raise max_locks_per_transaction on the server, or build into a database that does not exist yet: "
    "that is done in batches",
    "55P04": "a value added to an enum can be used only after a commit: put it into CREATE TYPE, or build into a "
    "database that does not exist yet: that is done in batches",
}
_NUMBER = re.compile(r"\d+")
#: Statements that may hold a password in clear.
_SECRET_KINDS = frozenset({"CreateRoleStmt", "AlterRoleStmt", "CreateUserMappingStmt", "AlterUserMappingStmt"})


def failure(plan: Plan, number: int, error: asyncpg.PostgresError, position: int | None = None) -> ConfitureError:
    """The error of the statement of that number; ``position`` (characters from 1 into the statement), where known."""
    statement = plan.statements[number]
    message = redact(error.message or str(error))
    hints = [hint for hint in (error.hint, _HINTS.get(error.sqlstate)) if hint]
    raised = _kind(statement, error)(
        message,
        hint=redact("; ".join(hints)) if hints else None,
        detail=_detail(error),
        sqlstate=error.sqlstate,
    )
    place(raised, plan, statement, error, position)
    return raised


def commit_failure(error: asyncpg.PostgresError) -> ConfitureError:
    """The error of the COMMIT itself: a deferred constraint or trigger that no statement can be named for."""
    return (Busy if error.sqlstate in LOCKED else StatementFailed)(
        f"the transaction could not be committed: {redact(error.message or str(error))}",
        hint=redact(error.hint) if error.hint else _HINTS.get(error.sqlstate, "a deferred constraint is checked last"),
        detail=_detail(error),
        sqlstate=error.sqlstate,
    )


def is_lost(connection: Connection, error: asyncpg.PostgresError) -> bool:
    """Whether the connection is gone: then nobody knows what the server still did, and nothing can be tried again."""
    return connection.is_closed() or str(error.sqlstate).startswith(_ENDED)


def refuse_untransactional(plan: Plan, *, rollback: bool = False) -> None:
    """Raise ``UnsupportedScript`` for the first statement that cannot be part of a transaction.

    ``rollback``: it is taken back at the end, so that a backfill may be done at once.
    """
    for statement in plan.statements:
        if not statement.transactional and not (rollback and isinstance(statement, Backfill)):
            raised = UnsupportedScript(
                f"{name_of(statement)} cannot run inside a transaction",
                hint="build into a database that does not exist yet: that is done in batches",
            )
            place(raised, plan, statement)
            raise raised


def name_of(statement: Statement) -> str:
    """What PostgreSQL calls a statement that cannot be part of a transaction; else "the statement"."""
    from confiture.sql.grammar import GrammarError, parse, unwrap
    from confiture.sql.transactional import why_not_transactional

    try:
        statements = parse(statement.sql).stmts
        known = why_not_transactional(unwrap(statements[0].stmt)) if len(statements) == 1 else None
    except GrammarError:
        known = None
    return known or "the statement"


def _kind(statement: Statement, error: asyncpg.PostgresError) -> type[ConfitureError]:
    if error.sqlstate == _DISK_FULL:
        return DiskFull
    if error.sqlstate in LOCKED:
        return Busy
    if error.sqlstate == _FEATURE_NOT_SUPPORTED and _lacks_feature(statement, error):
        return FeatureMissing
    return StatementFailed


def _lacks_feature(statement: Statement, error: asyncpg.PostgresError) -> bool:
    """Whether the server was built without what the statement needs, as told from its English messages."""
    said = f"{error.message} {error.detail or ''}"
    return statement.kind == "CreateExtensionStmt" or "server to be built with" in said or "in this build" in said


def _detail(error: asyncpg.PostgresError) -> str | None:
    lines = [error.detail] if error.detail else []
    if error.internal_query:
        lines.append(f"QUERY: {error.internal_query}")
    if error.context:
        lines.append(f"CONTEXT: {error.context}")
    return redact("\n".join(lines)) if lines else None


def place(
    raised: ConfitureError,
    plan: Plan,
    statement: Statement,
    error: asyncpg.PostgresError | None = None,
    position: int | None = None,
) -> None:
    """Set the error's file, line, column and source line, as far as they are known."""
    origin = statement.origin
    if origin is None:
        return
    raised.file, raised.line, raised.column = origin.file, origin.line, origin.column
    source = next((file for file in plan.sources if file.path == origin.file), None)
    if source is None:
        return
    offset = origin.offset
    if position is not None:
        offset = min(offset + position - 1, len(source.sql))
        origin = origin_at(source, offset)
        raised.line, raised.column = origin.line, origin.column
    elif statement.copy_data is not None and error is not None:
        data_offset = _copy_offset(source, statement, error)
        if data_offset is not None:
            offset = data_offset
            raised.line, raised.column = origin_at(source, offset).line, None
    line = source_line_at(source, offset)
    if not (statement.kind in _SECRET_KINDS and "password" in line.lower()):
        raised.source_line = redact(line)


def _copy_offset(source: SourceFile, statement: Statement, error: asyncpg.PostgresError) -> int | None:
    """Where in the file the line of COPY data begins that the server's context names."""
    number = _copy_line(statement, error.context or "")
    if number is None or statement.origin is None or statement.copy_data is None:
        return None
    # The data begins on the line after the statement's semicolon.
    data = "\n" + statement.copy_data.decode("utf-8", "replace")
    start = source.sql.find(data, statement.origin.offset + len(statement.sql))
    for _ in range(number):
        if start < 0:
            return None
        start = source.sql.find("\n", start) + 1 or -1
    return start if start >= 0 else None


def _copy_line(statement: Statement, context: str) -> int | None:
    """The number in "COPY t, line 3, column x: ...". The words around it depend on the server's ``lc_messages``."""
    from confiture.sql.grammar import parse

    table = parse(statement.sql).stmts[0].stmt.copy_stmt.relation.relname
    for line in context.splitlines():
        _, found, rest = line.partition(f"COPY {table}, ")
        number = _NUMBER.search(rest) if found else None
        if number:
            return int(number[0])
    return None
