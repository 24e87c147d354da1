"""Says what a server refused, and never what was in a row.

A server's error holds values: a CHECK that fails prints the whole row, an input function the text that it could not
read, a unique index the key, and a trigger may say anything. So of what the server said while rows moved, only its code
and the names that it put into fields of their own are told, and its words only where they are about no value.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from confiture.errors import Busy, ConfitureError, ConnectionLost, DiskFull, PermissionMissing, StatementFailed

if TYPE_CHECKING:
    import asyncpg

__all__ = ["lost", "server_failure", "statement_failure", "telling"]

_BUSY = frozenset({"55P03", "40P01"})
_DISK_FULL = "53100"
_NOT_ALLOWED = "42501"
_NOT_SHOWN = "the server's own words are not shown, since they may hold a row's values: its log has them"
_NUMBER = re.compile(r"\d+")
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
#: What the server says with these codes is of types, names, constraints, locks, the machine or itself: 22001 is "value
#: too long for type character varying(3)", 22P03 "incorrect binary data format", 23505 names the constraint.
_HARMLESS = frozenset({"22001", "22P03", "428C9", "42P01", "42703", "42501", "0A000", "55P03", "40P01", "40001"})
_HARMLESS_CLASSES = ("23", "25", "53", "54", "57", "58")
_ABOUT_TEXT = "42"
_FIELDS = (("constraint", "constraint_name"), ("column", "column_name"), ("type", "data_type_name"))


def server_failure(error: asyncpg.PostgresError, doing: str, table: str, columns: Sequence[str] = ()) -> ConfitureError:
    """The error of a server while rows moved. ``doing`` says what and on which side; ``table`` is the bare name."""
    told = _is_harmless(error)
    what = str(error.message) if told else _condition(error)
    names = [f"{word} {value!r}" for word, field in _FIELDS if (value := getattr(error, field, None))]
    place = _place(error.context or "", table, columns)
    where = "; ".join(filter(None, (", ".join(names), place)))
    return _type(error)(
        f"{doing} failed: {what}{f' ({where})' if where else ''}",
        hint=error.hint if told else _NOT_SHOWN,
        sqlstate=error.sqlstate,
    )


def statement_failure(error: asyncpg.PostgresError, doing: str) -> ConfitureError:
    """The error of a statement around the rows, or of the query before it runs: what is wrong with its text is told."""
    told = _is_harmless(error) or (str(error.sqlstate).startswith(_ABOUT_TEXT) and not error.context)
    return _type(error)(
        f"{doing} failed: {error.message if told else _condition(error)}",
        hint=error.hint if told else _NOT_SHOWN,
        sqlstate=error.sqlstate,
    )


def lost(doing: str) -> ConnectionLost:
    """The connection is gone."""
    return ConnectionLost(
        f"{doing} failed: the connection to the server was lost",
        hint="nothing of it is in the target; see the server's log for the reason, then run again",
    )


@asynccontextmanager
async def telling(doing: str, told: Callable[..., ConfitureError] | None = None) -> AsyncIterator[None]:
    """Raise what the driver raises as an error of ours, which keeps nothing of it: it may hold a row."""
    import asyncpg

    failure: ConfitureError
    try:
        yield
    except asyncpg.PostgresError as error:
        failure = told(error) if told is not None else statement_failure(error, doing)
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, ConnectionError):
        failure = lost(doing)
    else:
        return
    raise failure from None


def _type(error: asyncpg.PostgresError) -> type[ConfitureError]:
    state = str(error.sqlstate)
    if state == _DISK_FULL:
        return DiskFull
    if state in _BUSY:
        return Busy
    if state == _NOT_ALLOWED:
        return PermissionMissing
    return ConnectionLost if state.startswith(("57P0", "08")) else StatementFailed


def _is_harmless(error: asyncpg.PostgresError) -> bool:
    # A function's RAISE may take any code, and its words are whatever somebody wrote: the context then names it.
    if not all(line.startswith("COPY ") for line in (error.context or "").splitlines()):
        return False
    state = str(error.sqlstate)
    return state in _HARMLESS or state.startswith(_HARMLESS_CLASSES)


def _condition(error: asyncpg.PostgresError) -> str:
    """The code's name in the manual's appendix A, as words."""
    name = type(error).__name__.removesuffix("Error")
    return f"{_WORDS.sub(' ', name).lower()} ({error.sqlstate})"


def _place(context: str, table: str, columns: Sequence[str]) -> str:
    """Row and column out of "COPY t, line 3, column x: ...", whose other words depend on ``lc_messages``."""
    for line in context.splitlines():
        _, found, rest = line.partition(f"COPY {table}, ")
        number = _NUMBER.search(rest) if found else None
        if number is None or number[0] == "0":
            continue
        behind = rest[number.end() :]
        named = [column for column in columns if behind.partition(":")[0].endswith(f" {column}")]
        return f"row {number[0]}" + (f", column {max(named, key=len)!r}" if named else "")
    return ""
