"""Turns what the driver and the operating system raise into confiture's errors. The one place that does."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture import errors
from confiture.redact import redact

if TYPE_CHECKING:
    import asyncpg

__all__ = ["collapse", "connection_error", "translate"]


def collapse(error: BaseException) -> BaseException:
    """The one exception of a group that matters.

    anyio wraps every failure of a task group in an ExceptionGroup; callers must not have to know. Of several,
    confiture's own errors come first, then others, then Ctrl-C, then cancellations; the rest stay attached as notes.
    """
    while isinstance(error, BaseExceptionGroup):
        ranked = sorted(_leaves(error), key=_rank)
        chosen, rest = ranked[0], ranked[1:]
        for other in rest:
            if _rank(other) <= 1 and str(other) != str(chosen):
                chosen.add_note(f"also: {type(other).__name__}: {other}")
        error = chosen
    return error


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterable[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _rank(error: BaseException) -> int:
    if isinstance(error, errors.ConfitureError):
        return 0
    if isinstance(error, Exception):
        return 1
    return 3 if isinstance(error, asyncio.CancelledError) else 2


def connection_error(
    error: BaseException, label: str, database: str, address: str, secrets: Iterable[str]
) -> errors.ConfitureError:
    """Why a connection to ``database`` on the server of ``label`` at ``address`` (no secrets) could not be made.

    The database is named only where it matters: it may be the maintenance database, which nobody asked for.
    """
    import asyncpg

    reason = redact(str(error) or type(error).__name__, secrets)
    at = f"the server of {label!r} at {address}"
    if isinstance(error, (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)):
        return errors.AuthenticationFailed(
            f"{at} refused the login: {reason}",
            hint="check the role, its password (URL, PGPASSWORD or ~/.pgpass) and the server's pg_hba.conf",
            sqlstate=error.sqlstate,
        )
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return errors.DatabaseNotFound(f"{at} has no database {database!r}", sqlstate=error.sqlstate)
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return errors.PermissionMissing(
            f"{at} refused the connection to the database {database!r}: {reason}",
            hint="grant the role CONNECT on it",
            sqlstate=error.sqlstate,
        )
    if isinstance(error, TimeoutError):
        reason = "no answer in time"
    elif isinstance(error, OSError) and error.errno:
        # A name that is not found has a number of the resolver's own, which is none of the system's.
        text = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno)
        reason = str(text).lower()  # the text of asyncio's repeats the address, as a tuple
    elif isinstance(error, ValueError):  # asyncpg.ClientConfigurationError among them
        return errors.ConfigError(f"{label!r} cannot be connected to: {reason}", hint="mend the connection string")
    hint = "check that the server runs and that host and port are right"
    if isinstance(error, asyncpg.TooManyConnectionsError):
        hint = "the server has no connection left: end other sessions or raise max_connections"
    sqlstate = error.sqlstate if isinstance(error, asyncpg.PostgresError) else None
    return errors.ServerUnreachable(f"cannot reach {at}: {reason}", hint=hint, sqlstate=sqlstate)


def translate(error: BaseException, secrets: Iterable[str] = ()) -> BaseException:
    """``error`` as one of ours where it is the driver's or the system's; anything else as it is."""
    error = collapse(error)
    if isinstance(error, errors.ConfitureError) or not isinstance(error, Exception):
        return error
    if isinstance(error, OSError) and not isinstance(error, ConnectionError):
        return _system_error(error)
    import asyncpg

    if isinstance(error, asyncpg.PostgresError):
        return server_error(error, secrets)
    if isinstance(error, asyncpg.InterfaceError) and "closed" not in str(error):
        # Arguments that do not fit, two queries at once: a slip of ours or of a plugin's.
        return errors.InternalError(f"{type(error).__name__}: {redact(str(error), secrets)}")
    # The server said FATAL while nobody listened (state 2: its end is waited for), and the driver is asked for more.
    ended = isinstance(error, asyncpg.InternalClientError) and "another operation (2) is in progress" in str(error)
    if ended or isinstance(error, (asyncpg.InterfaceError, ConnectionError)):
        reason = "the server ended it" if ended else redact(str(error), secrets)
        return errors.ConnectionLost(
            f"the connection to the server was lost: {reason}",
            hint="see the server's log for the reason, then run again",
        )
    return error


def server_error(error: asyncpg.PostgresError, secrets: Iterable[str] = ()) -> errors.ConfitureError:
    """An error that the server reported, without a place in a file; executors know that and say more."""
    import asyncpg

    type_: type[errors.ConfitureError] = errors.ExecutionError
    if isinstance(error, asyncpg.DiskFullError):
        type_ = errors.DiskFull
    elif isinstance(error, asyncpg.InsufficientPrivilegeError):
        type_ = errors.PermissionMissing
    elif isinstance(error, (asyncpg.AdminShutdownError, asyncpg.CrashShutdownError, asyncpg.PostgresConnectionError)):
        type_ = errors.ConnectionLost
    elif isinstance(error, asyncpg.LockNotAvailableError):
        type_ = errors.Busy
    return type_(
        redact(error.message or str(error), secrets),
        detail=redact(error.detail, secrets) if error.detail else None,
        hint=redact(error.hint, secrets) if error.hint else None,
        sqlstate=error.sqlstate,
    )


def _system_error(error: OSError) -> BaseException:
    where = f" {str(error.filename)!r}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return errors.DiskFull(f"no space left while writing{where}", hint="make room, then run again")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return errors.PermissionMissing(
            f"may not use{where}: {str(error.strerror).lower()}",
            hint="run as the user that owns it, or have its owner or mode changed",
        )
    return error
