"""What is in the way of a switch at PgBouncer."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio

from confiture.errors import ConfitureError
from confiture.model import CaptureFinding
from confiture.quoting import quote_ident
from confiture_pgbouncer.config import Pooler, poolers
from confiture_pgbouncer.console import Ask, ConsoleRefused, address, console
from confiture_pgbouncer.lines import file_of, find
from confiture_pgbouncer.seeing import DEFAULT_PORT, database_row, place

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["findings"]

_ANSWER_S = 5.0
#: PgBouncer's word to who may look, and nothing else.
_NO_ADMIN = "admin access needed"


async def findings(ctx: Context, old: Target, new: Target) -> Sequence[CaptureFinding]:
    """All that there is, pooler by pooler."""
    try:
        every = poolers(ctx)
    except ConfitureError as error:
        return [_error(error.message, error.hint)]
    found: list[CaptureFinding] = []
    for pooler in every:
        try:
            found += _file(ctx, pooler, new)
        except ConfitureError as error:
            found.append(_error(str(error), error.hint))
        try:
            with anyio.fail_after(_ANSWER_S):
                async with console(ctx, pooler.admin) as ask:
                    found += await _console(ask, pooler, old)
        except ConfitureError as error:
            found.append(_error(str(error), error.hint))
        except TimeoutError:
            found.append(_error(f"PgBouncer's console did not answer within {_ANSWER_S:g} s", "see whether it runs"))
        found += _around(pooler, old, new)
    return found


def _file(ctx: Context, pooler: Pooler, new: Target) -> list[CaptureFinding]:
    if pooler.config_file is None:
        name = pooler.command[0]
        if shutil.which(str(ctx.project.root / name) if os.sep in name else name) is None:
            return [
                _error(f"the program {name!r} is not there, or may not be run", "a path is relative to the project")
            ]
        return []
    place(new)
    path = file_of(ctx, pooler.config_file).resolve()
    find(path, pooler.database)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return [
            _error(
                f"the folder {str(path.parent)!r} of PgBouncer's file cannot be written to",
                "run as a user that may write there, or name a `command` that rewrites the file",
            )
        ]
    return []


async def _console(ask: Ask, pooler: Pooler, old: Target) -> list[CaptureFinding]:
    name = pooler.database
    row = await database_row(ask, name)
    if row is None:
        return [_error(f"PgBouncer knows no database {name!r}", "name the one that applications connect to")]
    found = []
    port = old.params.get("port") or DEFAULT_PORT
    if row["database"] != old.database or row["port"] != port:
        found.append(
            _error(
                f"PgBouncer's {name!r} leads to the database {row['database']!r} at port {row['port']}, not to the "
                f"live one ({old.database!r} at port {port})",
                "name the database whose line leads to the live one",
            )
        )
    if row.get("paused") == "1":
        found.append(
            _error(f"PgBouncer's {name!r} is paused already", f"say RESUME {quote_ident(name)} to its console")
        )
    else:
        try:
            await ask(f"RESUME {quote_ident(name)}")  # it does nothing, but for saying who may
        except ConsoleRefused as error:
            if _NO_ADMIN in error.message:
                found.append(_error("the role may not give orders to PgBouncer", "add it to admin_users"))
    settings = {row["key"]: row["value"] for row in await ask("SHOW CONFIG")}
    if (row.get("pool_mode") or settings.get("pool_mode")) == "session":
        found.append(
            CaptureFinding(
                level="warning",
                message=f"PgBouncer's {name!r} has pool_mode=session: a pause waits for its clients to disconnect",
                hint="set pool_mode=transaction, if the application keeps nothing in its sessions",
            )
        )
    return found


def _around(pooler: Pooler, old: Target, new: Target) -> list[CaptureFinding]:
    """Confiture's own work must not wait at the pooler."""
    there = address(pooler.admin).params
    return [
        _error(
            f"the database of {side.label!r} is reached through the PgBouncer that is to be paused",
            "give its own server's address: --from and --to go around the pooler",
        )
        for side in (old, new)
        if (side.params.get("host"), side.params.get("port")) == (there.get("host"), there.get("port"))
    ]


def _error(message: str, hint: str | None) -> CaptureFinding:
    return CaptureFinding(level="error", message=message, hint=hint)
