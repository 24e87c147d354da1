"""Says what a server refused, and never what was in a row, nor a secret.

A server's error holds values: a CHECK that fails prints the whole row, an input function the text that it could not
read. So its words are told only where they are about no value, as the engine ``copy`` does.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from confiture.errors import (
    Busy,
    ConfitureError,
    ConnectionLost,
    DiskFull,
    PermissionMissing,
    ServerUnreachable,
    StatementFailed,
)
from confiture.redact import redact

if TYPE_CHECKING:
    import asyncpg

__all__ = ["row_failure", "statement_failure", "telling", "unreachable"]

_BUSY: Final = frozenset({"55P03", "40P01"})
_DISK_FULL: Final = "53100"
_NOT_ALLOWED: Final = "42501"
#: postgres_fdw: the connection could not be made; the role would use a password that is not its own.
_NO_CONNECTION: Final = "08001"
_NOT_ITS_OWN: Final = "2F003"
_BAD_OPTION: Final = "HV00D"
_NOT_SHOWN: Final = "the server's own words are not shown, since they may hold a row's values: its log has them"
_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
#: What the server says with these codes is of types, names, constraints, locks, the machine or itself.
_HARMLESS: Final = frozenset({"22001", "428C9", "42P01", "42703", "42501", "0A000", "55P03", "40P01", "40001"})
_HARMLESS_CLASSES: Final = ("23", "25", "53", "54", "57", "58")
_ABOUT_TEXT: Final = ("42", "HV")
_FIELDS: Final = (("constraint", "constraint_name"), ("column", "column_name"), ("type", "data_type_name"))
_REMOTE: Final = "remote SQL command"


def row_failure(
    error: asyncpg.PostgresError, doing: str, *, anew: Iterable[str] = (), types: Mapping[str, str] | None = None
) -> ConfitureError:
    """The error of the target, or of the source through it, while rows moved.

    ``anew``: the columns that are read from their texts; ``types``: what the type of each column is called.
    """
    told = _is_harmless(error)
    what = str(error.message) if told else _condition(error)
    names = [f"{word} {value!r}" for word, field in _FIELDS if (value := getattr(error, field, None))]
    if not any(name.startswith("column ") for name in names):
        found = [name for name, shown in (types or {}).items() if told and shown in what and "(" in shown]
        if str(error.sqlstate).startswith("22") and not found:
            found = list(anew)
        if found:
            names.append(f"column {' or '.join(map(repr, found))}")
    where = f" ({', '.join(names)})" if names else ""
    return _type(error)(
        f"{doing} failed: {what}{where}", hint=error.hint if told else _NOT_SHOWN, sqlstate=error.sqlstate
    )


def statement_failure(error: asyncpg.PostgresError, doing: str) -> ConfitureError:
    """The error of a statement around the rows, or of the query before it runs: what is wrong with its text is told."""
    told = _is_harmless(error) or (str(error.sqlstate).startswith(_ABOUT_TEXT) and not error.context)
    return _type(error)(
        f"{doing} failed: {error.message if told else _condition(error)}",
        hint=error.hint if told else _NOT_SHOWN,
        sqlstate=error.sqlstate,
    )


def unreachable(
    error: asyncpg.PostgresError, source: str, target: str, shown: str, secrets: Iterable[str]
) -> ConfitureError | None:
    """Where the target did not get a connection to the source: why, with the address; None for another error."""
    setting = "`source` in [fdw] of confiture.toml is the address as the target sees it"
    if error.sqlstate == _NO_CONNECTION:
        reason = redact(" ".join(str(error.detail or error.message).split()), secrets)
        return ServerUnreachable(
            f"the server of {target!r} cannot connect to {source!r} at {shown}: {reason}",
            hint=f"{setting}; or use the engine 'copy', which connects from here",
            sqlstate=error.sqlstate,
        )
    if error.sqlstate == _NOT_ITS_OWN:
        return PermissionMissing(
            f"the server of {target!r} lets a role that is no superuser connect to {source!r} at {shown} only with a "
            "password that the source asks for",
            hint="give the source's role a password (URL, PGPASSWORD or ~/.pgpass) that its pg_hba.conf demands; or "
            "use the engine 'copy'",
            sqlstate=error.sqlstate,
        )
    if error.sqlstate == _BAD_OPTION:
        return StatementFailed(
            f"the postgres_fdw of {target!r} does not take a connection keyword of {source!r}: {error.message}",
            hint=setting,
            sqlstate=error.sqlstate,
        )
    return None


@asynccontextmanager
async def telling(
    doing: str, told: Callable[[asyncpg.PostgresError], ConfitureError] | None = None
) -> AsyncIterator[None]:
    """Raise what the driver raises as an error of ours, which keeps nothing of it: it may hold a row."""
    import asyncpg

    failure: ConfitureError
    try:
        yield
    except asyncpg.PostgresError as error:
        failure = told(error) if told is not None else statement_failure(error, doing)
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, ConnectionError):
        failure = ConnectionLost(
            f"{doing} failed: the connection to the server was lost",
            hint="nothing of it is in the target; see the server's log for the reason, then run again",
        )
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
    if not all(line.startswith(_REMOTE) for line in (error.context or "").splitlines()):
        return False
    state = str(error.sqlstate)
    return state in _HARMLESS or state.startswith(_HARMLESS_CLASSES)


def _condition(error: asyncpg.PostgresError) -> str:
    """The code's name in the manual's appendix A, as words."""
    name = type(error).__name__.removesuffix("Error")
    return f"{_WORDS.sub(' ', name).lower()} ({error.sqlstate})"
