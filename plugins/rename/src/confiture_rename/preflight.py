"""What is in the way of renaming two databases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from confiture.model import CaptureFinding
from confiture_rename.asking import Session, ask, sessions

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["findings"]

#: So many sessions are named.
_NAMED = 5
_PREPARED = "SELECT DISTINCT database::text FROM pg_catalog.pg_prepared_xacts WHERE database::text = ANY ($1::text[])"
# What belongs to a database and not to what is in it, and so goes with it when its name does not.
_OWN = """
SELECT d.datname::text AS name, d.datallowconn, d.datconnlimit,
       ARRAY (SELECT a::text FROM unnest(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a ORDER BY 1) AS acl,
       ARRAY (SELECT coalesce(r.rolname, '') || ':' || c FROM pg_catalog.pg_db_role_setting s
                LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) c
               WHERE s.setdatabase = d.oid ORDER BY 1) AS settings
  FROM pg_catalog.pg_database d WHERE d.datname::text = ANY ($1::text[])
"""


async def findings(ctx: Context, old: Target, new: Target, left: str) -> Sequence[CaptureFinding]:
    """All that there is. ``left``: the name that the old one is to get."""
    names = [old.database, new.database]
    facts = await ask(ctx, old, *names)
    if facts.identifier != (await ask(ctx, new)).identifier:
        return [_error("the databases are not on one server", "use the switch 'pgbouncer' or 'command'")]
    if facts.names != set(names) or len(set(names)) < len(names):
        return [_error(f"these are not two databases of one server: {', '.join(map(repr, names))}", None)]
    found: list[CaptureFinding] = []
    if facts.here in names:
        found.append(
            _error(
                f"the role of {old.label!r} has no database to rename {facts.here!r} from",
                "let it connect to the database postgres or template1",
            )
        )
    if (await ask(ctx, old, left)).names:
        found.append(
            _error(
                f"there is a database {left!r}, the name that {old.database!r} is to get",
                "drop it, rename it, or set another `suffix` in [rename]",
            )
        )
    by = old if facts.able else new
    if not facts.able and not (await ask(ctx, new, *names)).able:
        found.append(
            _error(
                f"neither role may rename {old.database!r} and {new.database!r}",
                "one of them must own both databases and have CREATEDB",
            )
        )
    async with ctx.connect_maintenance(by) as connection:
        there = await sessions(connection, names)
        ours = await connection.fetchval("SELECT pg_catalog.current_setting('application_name')")
        prepared = await connection.fetch(_PREPARED, names)
        own = {row["name"]: row for row in await connection.fetch(_OWN, names)}
    for row in prepared:
        found.append(
            _error(
                f"{row['database']!r} has prepared transactions, with which it cannot be renamed",
                "end them with COMMIT PREPARED or ROLLBACK PREPARED: see pg_prepared_xacts",
            )
        )
    found += _sessions([session for session in there if session.application != ours])
    found += _different(own[old.database], own[new.database])
    return found


def _sessions(there: Sequence[Session]) -> Iterator[CaptureFinding]:
    firm = [str(session) for session in there if not session.can_be_ended]
    if firm:
        more = f" and {len(firm) - _NAMED} more" if len(firm) > _NAMED else ""
        yield _error(
            f"sessions that the role may not end: {'; '.join(firm[:_NAMED])}{more}",
            "end them before the cutover, or grant pg_signal_backend to the role (it does not end a superuser's)",
        )
    counts = Counter((session.role, session.application) for session in there if session.can_be_ended)
    if counts:
        named = ", ".join(f"{number} of role {role!r} ({name!r})" for (role, name), number in sorted(counts.items()))
        yield CaptureFinding(
            level="note",
            message=f"sessions that will be ended, to connect again: {named}",
            hint="their clients must connect again by themselves",
        )


def _different(old: Any, new: Any) -> Iterator[CaptureFinding]:
    for key, what, statement in (
        ("acl", "privileges", "GRANT ... ON DATABASE"),
        ("settings", "settings", "ALTER DATABASE ... SET"),
        ("datconnlimit", "connection limit", "ALTER DATABASE ... CONNECTION LIMIT"),
    ):
        if old[key] != new[key]:
            yield CaptureFinding(
                level="warning",
                message=f"the {what} of the database {old['name']!r} are not those of {new['name']!r}: they stay with "
                "their database when the names change",
                hint=f"give the new one what it needs, with {statement}",
            )
    if not new["datallowconn"]:
        yield _error(f"{new['name']!r} allows no connections", "ALTER DATABASE ... ALLOW_CONNECTIONS true")


def _error(message: str, hint: str | None) -> CaptureFinding:
    return CaptureFinding(level="error", message=message, hint=hint)
