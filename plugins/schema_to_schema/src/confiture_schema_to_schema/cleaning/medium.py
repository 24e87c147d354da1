"""The medium ``schema-to-schema-cleanup``."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

import anyio
import msgspec

from confiture.errors import Busy, DatabaseNotFound, Refused
from confiture.hooks import CAPTURE, TRANSFER
from confiture.loading import Phase
from confiture.protocols import PreparingEngine
from confiture.quoting import quote_ident
from confiture.sides import shown_side
from confiture_schema_to_schema.cleaning.dropping import drop_fences, forget_runs
from confiture_schema_to_schema.cleaning.orphans import noted_captures, remove_orphans
from confiture_schema_to_schema.cleaning.remaining import read_remaining
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.creating import records_of, target_exists
from confiture_schema_to_schema.crossing.losing import loss_name
from confiture_schema_to_schema.crossing.medium import crossing_lock
from confiture_schema_to_schema.crossing.places import live_side, locate
from confiture_schema_to_schema.crossing.state import crossings_of
from confiture_schema_to_schema.following.loosening import end_loosening
from confiture_schema_to_schema.following.state import follow_state_of
from confiture_schema_to_schema.model import CleanupReport, CleanupRequest
from confiture_schema_to_schema.sides import find_sides, lock_name

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.values import Sides

__all__ = ["CleanupMedium"]

#: A session that was closed, one of our own among them, is there for a moment still.
_GOING_S: Final = 1.0
_AGAIN_S: Final = 0.05
_SESSIONS = """
SELECT pid, coalesce(nullif(application_name, ''), usename::text, '?') AS name FROM pg_catalog.pg_stat_activity
 WHERE datname = $1 AND backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid() ORDER BY pid
"""


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """What the new database knows. ``captures``: provider and name. ``engines``: that copied."""

    runs: tuple[str, ...] = ()
    captures: frozenset[tuple[str, str]] = frozenset()
    engines: tuple[str, ...] = ()


class CleanupMedium:
    """Removes what a migration made in both databases. One instance may serve several runs."""

    request_type: type[CleanupRequest] = CleanupRequest

    async def run(self, ctx: Context, request: CleanupRequest) -> CleanupReport:
        """Remove it, and look what remains; again is no error, also after a crash in the midst of it.

        Raises ``Busy`` while a process copies, follows or crosses, or the database that is to be dropped is in use;
        ``Refused`` where a cutover is undecided, keys of the new database are not back, or the database that is to be
        dropped is not the old one, or is live. Nothing has changed then.
        """
        sides = await locate(ctx, await find_sides(ctx, request))
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(ctx.lock(sides.target, lock_name(sides)))
            old, new = await target_exists(ctx, sides.source), await target_exists(ctx, sides.target)
            known = _Known()
            if new:
                known = await _read_known(ctx, sides)
                for run_id in known.runs:
                    await stack.enter_async_context(ctx.lock(sides.target, crossing_lock(run_id)))
                await _check(ctx, sides)
            if request.drop_database is not None:
                await _check_drop(ctx, sides, request.drop_database, known, old=old)
            return await _clean(ctx, sides, request, known, old=old, new=new)


async def _clean(
    ctx: Context, sides: Sides, request: CleanupRequest, known: _Known, *, old: bool, new: bool
) -> CleanupReport:
    live = await live_side(ctx, sides) if known.runs else None
    removed: list[str] = []
    remaining: list[str] = []
    there = [side for side, is_there in ((sides.source, old), (sides.target, new)) if is_there]
    if old:
        known = await _with_noted(ctx, sides, known)
        if not known.runs:
            removed += _of(sides.source, await remove_orphans(ctx, sides))
    if known.runs:
        for side in there:
            # A slot has to go before its database can.
            for capture, name in sorted(known.captures):
                removed += _of(side, await ctx.get(CAPTURE, capture).uninstall(ctx, side, name))
            if side is sides.source and request.drop_database is not None:
                continue
            remaining += _of(side, await end_loosening(ctx, side))
            removed += _of(side, await drop_fences(ctx, side))
        if new:
            removed += _of(sides.target, await _remove_engines(ctx, sides.target, known))
    if request.drop_database is not None:
        await _drop(ctx, sides)
        there.remove(sides.source)
    # The new database's last: by its runs an interrupted cleanup is known, and which side is live. Those of the old
    # one come after that, since without them it would seem to be live.
    for side in (sides.target, sides.source):
        if side in there and known.runs:
            async with ctx.connect(side) as connection:
                removed += _of(side, await forget_runs(ctx, connection, known.runs))
    for side in there:
        async with ctx.connect(side) as connection:
            remaining += _of(side, await read_remaining(ctx, connection, [name for _, name in known.captures]))
    return CleanupReport(
        source=shown_side(sides.source),
        target=shown_side(sides.target),
        removed=tuple(removed),
        remaining=tuple(remaining),
        dropped=request.drop_database,
        live=live,
        old_database=sides.source.database if sides.source in there else None,
        new_database=sides.target.database if new else None,
    )


def _of(side: Target, names: object) -> list[str]:
    assert isinstance(names, list | tuple)
    return [f"{shown_side(side)}: {name}" for name in names]


# -- what is known ---------------------------------------------------------------------------------------------------


async def _read_known(ctx: Context, sides: Sides) -> _Known:
    state, follow = state_of(ctx), follow_state_of(ctx)
    async with ctx.connect(sides.target) as connection:
        if not await state.exists(connection):
            return _Known()
        runs = tuple(
            row["run_id"] for row in await connection.fetch(f"SELECT run_id FROM {state.runs} ORDER BY started")
        )
        engines = await connection.fetch(f"SELECT DISTINCT engine FROM {state.parts} ORDER BY 1")
        captures = await _captures(connection, follow.epochs, runs)
        for record in await crossings_of(ctx).all(connection):
            names = [record.capture_name, record.back_name]
            if record.lost and record.direction == "cutover":
                names.append(loss_name(record.capture_name))
            captures |= {(record.capture, name) for name in names if name is not None and record.run_id in runs}
    try:
        async with ctx.connect(sides.source) as connection:
            captures |= await _captures(connection, follow.epochs, runs)
    except DatabaseNotFound:
        pass
    return _Known(runs=runs, captures=frozenset(captures), engines=tuple(row["engine"] for row in engines))


async def _captures(connection: Connection, epochs: str, runs: tuple[str, ...]) -> set[tuple[str, str]]:
    if await connection.fetchval("SELECT pg_catalog.to_regclass($1)", epochs) is None:
        return set()
    rows = await connection.fetch(f"SELECT capture, name FROM {epochs} WHERE run_id = ANY ($1::text[])", list(runs))
    return {(row["capture"], row["name"]) for row in rows}


async def _with_noted(ctx: Context, sides: Sides, known: _Known) -> _Known:
    """What a start has noted on the source, where it came no further than that."""
    async with ctx.connect(sides.source) as connection:
        noted = await noted_captures(ctx, connection, sides.target)
    if not known.runs:
        return known
    return msgspec.structs.replace(
        known, runs=tuple(dict.fromkeys((*known.runs, *noted))), captures=known.captures | set(noted.values())
    )


# -- what is in the way ----------------------------------------------------------------------------------------------


async def _check(ctx: Context, sides: Sides) -> None:
    shown = shown_side(sides.target)
    async with ctx.connect(sides.target) as connection:
        crossing = await crossings_of(ctx).last(connection)
        records = await records_of(ctx).read(connection)
    if crossing is not None and crossing.outcome is None:
        raise Refused(
            f"a {crossing.direction} of {shown!r} was begun and has not ended",
            hint="`confiture migrate schema-to-schema resume` ends it, forward or back",
        )
    if any(record.phase is not Phase.RUN for record in records):
        raise Refused(
            f"indexes, keys or triggers of {shown!r} were taken off for the copy, and are not back yet",
            hint="`confiture migrate schema-to-schema resume` puts them back; or drop that database, and clean up then",
        )


async def _check_drop(ctx: Context, sides: Sides, typed: str, known: _Known, *, old: bool) -> None:
    name = sides.source.database
    if not known.runs or not old:
        raise Refused(
            f"there is no migration that {name!r} would be the old database of",
            hint="nothing is dropped that was not moved: look at --from and --to",
        )
    if typed != name:
        raise Refused(f"the old database is {name!r}, and not {typed!r}", hint="type its name to have it dropped")
    if await live_side(ctx, sides) == "old":
        raise Refused(
            f"{name!r} is the live database", hint="nothing is dropped before a cutover; leave --drop-database out"
        )
    await _check_sessions(ctx, sides)


async def _check_sessions(ctx: Context, sides: Sides) -> None:
    async with ctx.connect_maintenance(sides.source) as connection:
        deadline, late = anyio.current_time() + _GOING_S, False
        while (rows := await connection.fetch(_SESSIONS, sides.source.database)) and not late:
            await anyio.sleep(_AGAIN_S)
            late = anyio.current_time() > deadline  # who was held up looks once more
    if rows:
        names = ", ".join(f"{row['name']!r} (process {row['pid']})" for row in rows)
        raise Busy(
            f"{sides.source.database!r} is in use: {names}",
            hint="end these sessions, or point them at the new database; then run it again",
        )


# -- removing --------------------------------------------------------------------------------------------------------


async def _remove_engines(ctx: Context, target: Target, known: _Known) -> list[str]:
    removed: list[str] = []
    for name in known.engines:
        engine = ctx.get(TRANSFER, name)
        if isinstance(engine, PreparingEngine):
            removed += await engine.remove(ctx, target)
    return removed


async def _drop(ctx: Context, sides: Sides) -> None:
    """Not by force: who came in the meantime is told of."""
    import asyncpg

    async with ctx.connect_maintenance(sides.source) as connection:
        try:
            await connection.execute(f"DROP DATABASE {quote_ident(sides.source.database)}")
        except asyncpg.ObjectInUseError:
            await _check_sessions(ctx, sides)
            raise
