"""Roles that a plan names and the server lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.errors import PermissionMissing, RoleMissing
from confiture.model import Execution, Note, Origin, Plan

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["create_roles", "missing_error", "missing_roles", "provide_roles"]


async def provide_roles(ctx: Context, connection: Connection, plan: Plan, execution: Execution) -> tuple[str, ...]:
    """Create the roles that are missing, where that is wanted; their names. Raises ``RoleMissing``."""
    missing = await missing_roles(connection, plan)
    if not missing:
        return ()
    if not execution.create_roles:
        raise missing_error(plan, missing)
    created = await create_roles(ctx, connection, missing)
    if created:
        ctx.emit(Note(message=f"created without login, as the schema names them: roles {', '.join(created)}"))
    return created


async def missing_roles(connection: Connection, plan: Plan) -> tuple[str, ...]:
    """The roles that the plan names, does not make, and the server lacks."""
    from confiture.sql import roles_named

    named = roles_named(plan)
    if not named:
        return ()
    rows = await connection.fetch("SELECT rolname FROM pg_catalog.pg_roles WHERE rolname = ANY($1)", list(named))
    there = {row["rolname"] for row in rows}
    return tuple(name for name in named if name not in there)


def missing_error(plan: Plan, missing: Sequence[str]) -> RoleMissing:
    """All of them in one error, with where each is named first."""
    places = _places(plan, missing)
    several = len(missing) > 1
    first = min(places.values(), key=lambda place: place[0], default=None)
    return RoleMissing(
        f"the server lacks the role{'s' if several else ''} {', '.join(map(_quoted, missing))}",
        hint=f"create {'them' if several else 'it'} on the server first: CREATE ROLE ... NOLOGIN",
        detail="\n".join(
            f"{_quoted(name)} is named in {places[name][1].file}:{places[name][1].line}"
            for name in missing
            if name in places
        )
        or None,
        file=first[1].file if first else None,
        line=first[1].line if first else None,
        column=first[1].column if first else None,
    )


def _places(plan: Plan, names: Sequence[str]) -> dict[str, tuple[int, Origin]]:
    """The first statement that names each role: its number and its place."""
    from confiture.sql import roles_named

    places: dict[str, tuple[int, Origin]] = {}
    for number, statement in enumerate(plan.statements):
        if statement.origin is None:
            continue
        # A role is written in a statement as it is, save for quotes that are doubled: this spares most of the parsing.
        if any(name not in places and name.replace('"', '""').lower() in statement.sql.lower() for name in names):
            for name in roles_named(Plan(statements=(statement,))):
                places.setdefault(name, (number, statement.origin))
    return {name: place for name, place in places.items() if name in names}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


async def create_roles(ctx: Context, connection: Connection, names: Sequence[str]) -> tuple[str, ...]:
    """Create them without login; those that this call created. Raises ``PermissionMissing``.

    Another run may create the same role at the same time: that is as good. Its creation is waited for by the server,
    and ends here as a duplicate.
    """
    import asyncpg

    created = []
    for name in names:
        quoted = _quoted(name)
        try:
            async with ctx.transaction(connection):  # inside of a transaction: a savepoint
                await connection.execute(f"CREATE ROLE {quoted} NOLOGIN")
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            continue
        except asyncpg.InsufficientPrivilegeError as error:
            raise PermissionMissing(
                f"may not create the role {quoted}: {error.message}",
                hint="give the role that builds CREATEROLE, or create the roles beforehand",
                sqlstate=error.sqlstate,
            ) from error
        created.append(name)
    return tuple(created)
