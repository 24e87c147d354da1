"""Where the two databases are, whatever they are called by now, and which of them is the live one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from confiture.errors import DatabaseNotFound
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.crossing.state import crossings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confiture.model import Target
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.crossing.state import CrossingRecord
    from confiture_schema_to_schema.values import Sides

__all__ = ["live_side", "locate", "read_place"]

_SYSTEM = "SELECT pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')"
_PLACE = """
SELECT {server} || '/' || d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
"""
_BY_NUMBER = "(SELECT system_identifier::text FROM pg_catalog.pg_control_system())"
_BY_ADDRESS = "coalesce(host(pg_catalog.inet_server_addr()) || ':' || pg_catalog.inet_server_port(), 'local')"


async def read_place(connection: Connection) -> str:
    """Which database it is: its server and its OID, which it keeps when it is given another name."""
    known = await connection.fetchval(_SYSTEM)
    place: str = await connection.fetchval(_PLACE.format(server=_BY_NUMBER if known else _BY_ADDRESS))
    return place


async def locate(ctx: Context, sides: Sides) -> Sides:
    """Both databases, where a crossing may have given them other names; as they were where there was none.

    ``source`` is the old one and ``target`` the new one, always.
    """
    found = await _find_new(ctx, sides.target)
    if found is None and await _has_begun(ctx, sides.target):
        return sides  # the old one may be the new one of a migration before, which is not meant
    found = found or await _find_new(ctx, sides.source)
    if found is None:
        # The old one may be where it was, or where the new one was, and knows what took its place.
        for candidate in (sides.source, sides.target):
            other = await _find_other(ctx, candidate)
            if other is not None and (found := await _find_new(ctx, other)) is not None:
                break
    if found is None:
        return sides
    new, record = found
    old = await _find_place(ctx, record.old, (sides.source, sides.target, new))
    if old is None:  # it was dropped
        return sides if new is sides.target else msgspec.structs.replace(sides, source=sides.target, target=new)
    return msgspec.structs.replace(sides, source=old, target=new)


async def _find_new(ctx: Context, candidate: Target) -> tuple[Target, CrossingRecord] | None:
    """``candidate``, where it is the new database of a crossing, and no copy of one."""
    try:
        async with ctx.connect(candidate) as connection:
            record = await crossings_of(ctx).last(connection)
            if record is not None and record.new == await read_place(connection):
                return candidate, record
    except DatabaseNotFound:
        pass
    return None


async def _has_begun(ctx: Context, candidate: Target) -> bool:
    """Whether it is the new database of a migration that was never crossed."""
    try:
        async with ctx.connect(candidate) as connection:
            run = await state_of(ctx).latest(connection)
            return run is not None and await crossings_of(ctx).last(connection) is None
    except DatabaseNotFound:
        return False


async def _find_other(ctx: Context, candidate: Target) -> Target | None:
    try:
        async with ctx.connect(candidate) as connection:
            other = await crossings_of(ctx).last_other(connection)
    except DatabaseNotFound:
        return None
    return await _find_place(ctx, other, (candidate,)) if other is not None else None


async def _find_place(ctx: Context, place: str, candidates: Sequence[Target]) -> Target | None:
    """That database: one of ``candidates``, else one of another name on a server of theirs."""
    for candidate in candidates:
        try:
            async with ctx.connect(candidate) as connection:
                if await read_place(connection) == place:
                    return candidate
        except DatabaseNotFound:
            pass
    server, oid = place.rsplit("/", 1)
    for candidate in candidates:
        async with ctx.connect_maintenance(candidate) as connection:
            if (await read_place(connection)).rsplit("/", 1)[0] == server:
                query = "SELECT datname::text FROM pg_catalog.pg_database WHERE oid = $1::text::oid"
                name = await connection.fetchval(query, oid)
                if name is not None:
                    # Its environment's name may be that of the other one by now.
                    return msgspec.structs.replace(candidate.with_database(name), label=name)
    return None


async def live_side(ctx: Context, sides: Sides) -> Literal["old", "new"]:
    """Which side applications may write to, by the decisions that both sides have. ``sides``: as :func:`locate` says.

    Where nothing was decided, or the new database is not there, it is the old one.
    """
    crossings = crossings_of(ctx)
    try:
        async with ctx.connect(sides.target) as connection:
            run = await state_of(ctx).latest(connection)
            if run is None:
                return "old"
            closed_new = await crossings.last_decision(connection, run.run_id)
    except DatabaseNotFound:
        return "old"
    try:
        async with ctx.connect(sides.source) as connection:
            closed_old = await crossings.last_decision(connection, run.run_id)
    except DatabaseNotFound:
        return "new"  # it was dropped: nobody can write to it
    if closed_old is None:
        return "old"
    return "new" if closed_new is None or closed_new.seq < closed_old.seq else "old"
