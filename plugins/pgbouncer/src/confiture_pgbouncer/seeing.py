"""What a console tells of a database: where it leads, who is in a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.errors import ConfigError

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture_pgbouncer.console import Ask

__all__ = ["DEFAULT_PORT", "database_row", "leads_to", "place", "running"]

#: So many clients are named.
_NAMED = 5
#: PostgreSQL's, and PgBouncer's for the servers behind it.
DEFAULT_PORT = "5432"


def place(target: Target) -> dict[str, str]:
    """What a line in ``[databases]`` says to lead there. Raises ``ConfigError`` where that cannot be said."""
    host = target.params.get("hostaddr") or target.params.get("host") or ""
    if not host or "," in host:
        raise ConfigError(
            f"the database of {target.label!r} has {'several hosts' if host else 'no host'} in its address, which "
            "cannot be written into PgBouncer's file",
            hint="name one host in its database_url, or rewrite the file by a `command`",
        )
    return {"host": host, "port": target.params.get("port") or DEFAULT_PORT, "dbname": target.database}


async def database_row(ask: Ask, database: str) -> dict[str, str | None] | None:
    """What the console shows of it."""
    return next((row for row in await ask("SHOW DATABASES") if row["name"] == database), None)


async def leads_to(ask: Ask, database: str) -> dict[str, str | None] | None:
    """Where the pooler connects for it, as :func:`place` says it."""
    row = await database_row(ask, database)
    return row and {"host": row["host"], "port": row["port"], "dbname": row["database"]}


async def running(ask: Ask, database: str) -> list[str]:
    """The clients that a pause waits for, without what they run."""
    found = [row for row in await ask("SHOW CLIENTS") if row["database"] == database and row.get("link")]
    named = [
        f"client {row['addr']}:{row['port']} of role {row['user']!r}, since {row.get('request_time')}"
        for row in found[:_NAMED]
    ]
    return named if len(found) <= _NAMED else [*named, f"and {len(found) - _NAMED} more"]
