"""Waits for servers that come back: one that is restarted is no reason to end a copy of hours."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeVar

import anyio

from confiture.errors import ConfitureError, ConnectionLost, ServerUnreachable
from confiture.model import Note
from confiture.translate import translate
from confiture_schema_to_schema.configuring import SECTION, SchemaToSchemaConfig

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["retrying"]

T = TypeVar("T")

#: Who had a connection for so long, and lost it, was well meanwhile: that is another fault.
_WELL_S: Final = 5.0
_FIRST_WAIT_S = 0.25
_LONGEST_WAIT_S = 8.0
#: What passes by itself: a deadlock; a query of a standby that was in the way of its recovery; others' locks, where
#: the role or the statement waits no longer for them.
_PASSING = frozenset({"40P01", "40001", "55P03"})


async def retrying(ctx: Context, doing: str, work: Callable[[], Awaitable[T]], *, patience_s: float | None = None) -> T:
    """``work``, again where a server was lost, for so long since it last was well. It has to be safe to repeat.

    ``patience_s`` None: as ``max_away_s`` under ``[schema-to-schema]`` says.

    A ``Note`` says each time that it is tried again. What is raised in the end is an error of ours.
    """
    if patience_s is None:
        patience_s = ctx.settings(SECTION, SchemaToSchemaConfig).max_away_s
    failing_since: float | None = None
    wait = _FIRST_WAIT_S
    while True:
        begun = time.monotonic()
        try:
            return await work()
        except Exception as error:
            found = translate(error)
            if not isinstance(found, ConfitureError):
                raise
            now = time.monotonic()
            # To find out that a server does not answer may take long by itself.
            well_s = min(patience_s, _WELL_S) if isinstance(found, ConnectionLost) else patience_s
            if failing_since is None or now - begun > well_s:
                failing_since, wait = now, _FIRST_WAIT_S
            if not _passes(found) or now - failing_since + wait > patience_s:
                if found is error:
                    raise
                raise found from error
            ctx.emit(Note(message=f"{doing}: {found.message}; tried again in {wait:g} s"))
        await anyio.sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT_S)


def _passes(error: ConfitureError) -> bool:
    return isinstance(error, (ConnectionLost, ServerUnreachable)) or error.sqlstate in _PASSING
