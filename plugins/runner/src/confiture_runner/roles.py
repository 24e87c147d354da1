"""Roles that a plan names and the server lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from confiture.errors import PermissionMissing, RoleMissing
from confiture.model import Origin, Plan

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["create_roles", "missing_error", "missing_roles"]


async def missing_roles(connection: Connection, plan: Plan) -> Mapping[str, Origin | None]:
    """The roles that the server lacks, with the first place that names each."""
    try:
        from confiture.sql import roles_named
    except ImportError:  # TODO: until confiture.sql has it
        return {}
    named = roles_named(plan)
    if not named:
        return {}
    rows = await connection.fetch("SELECT rolname FROM pg_catalog.pg_roles WHERE rolname = ANY($1)", list(named))
    there = {row["rolname"] for row in rows}
    return {name: origin for name, origin in named.items() if name not in there}


def missing_error(missing: Mapping[str, Origin | None]) -> RoleMissing:
    """All of them in one error, with where each is named first."""
    names = ", ".join(f'"{name}"' for name in missing)
    places = [
        f'"{name}" is named in {origin.file}:{origin.line}' for name, origin in missing.items() if origin is not None
    ]
    first = next((origin for origin in missing.values() if origin is not None), None)
    return RoleMissing(
        f"the server lacks the role{'s' if len(missing) > 1 else ''} {names}",
        hint=f"create {'them' if len(missing) > 1 else 'it'} on the server first: CREATE ROLE ... NOLOGIN",
        detail="\n".join(places) or None,
        file=first.file if first else None,
        line=first.line if first else None,
        column=first.column if first else None,
    )


async def create_roles(ctx: Context, connection: Connection, names: Sequence[str]) -> tuple[str, ...]:
    """Create them without login; those that this call created. Raises ``PermissionMissing``.

    Another run may create the same role at the same time: that is as good. Its creation is waited for by the server,
    and ends here as a duplicate.
    """
    import asyncpg

    created = []
    for name in names:
        quoted = '"' + name.replace('"', '""') + '"'
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
