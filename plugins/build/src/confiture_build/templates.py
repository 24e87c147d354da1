"""Template databases: one per content of the schema, so that the second build is a clone.

A template is complete as soon as it has its name, since it is built under a temporary one. Nobody can connect to it
(a session would block clones). Its comment says, as JSON, whose it is and when it was last used; the newest are kept.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from confiture.model import Logged
from confiture.quoting import quote_ident, quote_literal

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["TEMPLATE_PREFIX", "comment_of", "find_template", "keep_as_template", "prune_templates"]

#: Followed by the first 24 hexadecimal digits of the content's SHA-256.
TEMPLATE_PREFIX = "confiture_template_"


class _About(msgspec.Struct, kw_only=True):
    confiture: str  # the project
    used: float  # seconds since the epoch
    comment: str | None = None  # the comment that the schema gives its database


#: Whether a database exists, and whether the role may do with it what its owner may. Another role's template of the
#: same content can be neither cloned nor marked.
_OURS = "SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = $1"


async def _template_name(connection: Connection, digest: str) -> tuple[str, bool]:
    """The name of the role's template of that content, and whether there is one."""
    name = TEMPLATE_PREFIX + digest[:24]
    ours = await connection.fetchval(_OURS, name)
    if ours is False:
        name = f"{name}_{await connection.fetchval('SELECT current_user::regrole::oid')}"
        ours = await connection.fetchval(_OURS, name)
    return name, bool(ours)


async def find_template(ctx: Context, connection: Connection, digest: str) -> str | None:
    """The name of the template of that content, marked as used now; None where there is none."""
    import asyncpg

    name, there = await _template_name(connection, digest)
    if not there:
        return None
    try:
        await _mark(ctx, connection, name, await comment_of(connection, name))
    except asyncpg.PostgresError as error:  # "tuple concurrently updated": another run marks it as used now, too
        ctx.emit(Logged(message="cannot mark a template as used", fields={"name": name, "error": str(error)}))
    return name


async def comment_of(connection: Connection, name: str) -> str | None:
    """The comment that the schema gives its database; a template's own comment holds it."""
    text: str | None = await connection.fetchval(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1", name
    )
    if text is None or not name.startswith(TEMPLATE_PREFIX):
        return text
    try:
        return msgspec.json.decode(text, type=_About).comment
    except msgspec.MsgspecError:
        return None


async def keep_as_template(ctx: Context, connection: Connection, built: str, digest: str) -> str:
    """Make the database ``built`` the template of that content; its name. Another run may have been first."""
    import asyncpg

    name, _ = await _template_name(connection, digest)
    comment = await comment_of(connection, built)
    try:
        async with ctx.transaction(connection):
            await connection.execute(f"ALTER DATABASE {quote_ident(built)} RENAME TO {quote_ident(name)}")
            await connection.execute(f"ALTER DATABASE {quote_ident(name)} WITH ALLOW_CONNECTIONS false")
            await _mark(ctx, connection, name, comment)
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):  # the latter where both commit at once
        return name  # equal content: what was built now goes with its temporary name
    return name


async def _mark(ctx: Context, connection: Connection, name: str, comment: str | None) -> None:
    about = msgspec.json.encode(_About(confiture=ctx.project.name, used=time.time(), comment=comment)).decode()
    await connection.execute(f"COMMENT ON DATABASE {quote_ident(name)} IS {quote_literal(about)}")


async def prune_templates(ctx: Context, connection: Connection, keep: int) -> tuple[str, ...]:
    """Drop all of this project's templates but the newest ``keep``; their names. One that is in use stays."""
    import asyncpg

    rows = await connection.fetch(
        "SELECT datname, shobj_description(oid, 'pg_database') AS about FROM pg_database"
        " WHERE starts_with(datname, $1) AND pg_has_role(datdba, 'USAGE')",
        TEMPLATE_PREFIX,
    )
    ours: list[tuple[float, str]] = []
    for row in rows:
        try:
            about = msgspec.json.decode(row["about"] or "", type=_About)
        except msgspec.MsgspecError:
            continue
        if about.confiture == ctx.project.name:
            ours.append((about.used, row["datname"]))
    dropped = []
    for _, name in sorted(ours, reverse=True)[max(keep, 0) :]:
        try:
            await connection.execute(f"DROP DATABASE IF EXISTS {quote_ident(name)}")
            dropped.append(name)
        except asyncpg.PostgresError as error:
            ctx.emit(Logged(message="cannot drop an old template", fields={"name": name, "error": str(error)}))
    return tuple(dropped)
