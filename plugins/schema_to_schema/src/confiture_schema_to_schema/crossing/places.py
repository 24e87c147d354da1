"""Where the two databases are, whatever they are called by now, and which of them is the live one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from confiture.errors import DatabaseNotFound
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.crossing.state import crossings_of

if TYPE_CHECKING:
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
    for candidate in (sides.target, sides.source):
        try:
            async with ctx.connect(candidate) as connection:
                record = await crossings_of(ctx).last(connection)
                place = await read_place(connection) if record else ""
        except DatabaseNotFound:
            continue
        if record is not None and record.new == place:  # and no copy of that database
            old = await _find_old(ctx, sides, record, candidate)
            if old is None:
                return sides if candidate is sides.target else _swapped(sides, sides.target, candidate)
            return _swapped(sides, old, candidate)
    return sides


def _swapped(sides: Sides, old: Target, new: Target) -> Sides:
    return msgspec.structs.replace(sides, source=old, target=new)


async def _find_old(ctx: Context, sides: Sides, record: CrossingRecord, new: Target) -> Target | None:
    """The database that was the source: by its address, else by its OID on the servers that are known."""
    others = [side for side in (sides.source, sides.target) if side is not new]
    for candidate in others:
        try:
            async with ctx.connect(candidate) as connection:
                if await read_place(connection) == record.old:
                    return candidate
        except DatabaseNotFound:
            pass
    for candidate in (*others, new):
        async with ctx.connect_maintenance(candidate) as connection:
            server, oid = record.old.rsplit("/", 1)
            if (await read_place(connection)).rsplit("/", 1)[0] != server:
                continue
            name = await connection.fetchval(
                "SELECT datname::text FROM pg_catalog.pg_database WHERE oid = $1::text::oid", oid
            )
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
