"""A migration's statements, cut where its transactions begin and end."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from confiture.model import Statement
from confiture_incremental.bodies import body_checks

__all__ = ["Segment", "closing", "cut", "progress_of"]

#: The role that the run has connected as.
_OURSELVES = (
    Statement(sql="RESET SESSION AUTHORIZATION", kind="VariableSetStmt", session=True),
    Statement(sql="RESET ROLE", kind="VariableSetStmt", session=True),
)


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Statements ``first`` to ``last`` (from 0, without ``last``): one transaction, or one statement outside of any."""

    first: int
    last: int
    transactional: bool


def cut(statements: Sequence[Statement], done: int = 0) -> list[Segment]:
    """The segments of what is left after the first ``done`` statements."""
    found: list[Segment] = []
    for number in range(done, len(statements)):
        transactional = statements[number].transactional
        if found and found[-1].transactional and transactional:
            found[-1] = msgspec.structs.replace(found[-1], last=number + 1)
        else:
            found.append(Segment(first=number, last=number + 1, transactional=transactional))
    return found


def closing(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """What is run at the end of a transaction of theirs, before the history's row is written.

    The bodies of new functions are checked; a ``SET ROLE`` of theirs ends, since the row is not written by the role
    that owns the schema.
    """
    ours = _OURSELVES if any(statement.session for statement in statements) else ()
    return *body_checks(statements), *ours


def progress_of(statements: Sequence[Statement], done: int) -> str | None:
    """A digest of the first ``done`` statements; None for none. What is resumed must have begun with them."""
    if done == 0:
        return None
    digest = hashlib.sha256()
    for statement in statements[:done]:
        for part in (statement.sql.encode(), statement.copy_data or b""):
            digest.update(str(len(part)).encode() + b":" + part)
    return digest.hexdigest()
