"""Whether the target can read what it is asked to: asked beforehand, in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

import msgspec

from confiture.errors import ConfitureError, DatabaseNotFound, PermissionMissing
from confiture.model import Target, TransferSurvey, TransferTask
from confiture.transfer import fit_types, prepare_session, reading
from confiture_fdw.addresses import address_of
from confiture_fdw.around import rows_transaction
from confiture_fdw.config import SECTION, FdwConfig
from confiture_fdw.failures import statement_failure, telling, unreachable
from confiture_fdw.layouts import Layout, Relation, SourceColumn
from confiture_fdw.objects import EXTENSION, Foreign, create_extension, read_abilities
from confiture_fdw.planning import (
    place_of,
    plan_insert,
    read_source,
    refuse_other_functions,
    refuse_other_locale,
    refuse_slow_keys,
    task_obstacle,
    types_of,
)
from confiture_fdw.queries import read_query
from confiture_fdw.types import counterparts

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["survey_tasks"]

_NAME: Final = "fdw"
#: A relation that every role may read: what it takes to ask whether the source answers.
_PROBE: Final = Relation(
    schema="pg_catalog", name="pg_namespace", columns=(SourceColumn("nspname", 19),), row_bytes=None
)
_TYPES: Final = {19: ("pg_catalog", "name")}
_IN_TEMPLATE: Final = (
    f"have a superuser run, in template1, before the database is made: CREATE EXTENSION {EXTENSION}; GRANT USAGE ON "
    f"FOREIGN DATA WRAPPER {EXTENSION} TO PUBLIC; or use the engine 'copy'"
)
_LOCKS: Final = (
    "source: ACCESS SHARE on what the query reads, while a chunk is read; its snapshot is as old as that",
    "target: ROW EXCLUSIVE on the table, while a chunk is written",
)


async def survey_tasks(
    ctx: Context, tasks: Sequence[TransferTask], stands_for: Target | None
) -> tuple[TransferSurvey, ...]:
    """One answer to each task. ``stands_for``: the database that the tasks' target is a scratch of."""
    async with AsyncExitStack() as stack:
        sources: dict[tuple[str, str], Connection] = {}
        targets: dict[tuple[str, str], Connection] = {}
        reached: dict[tuple[tuple[str, str], tuple[str, str]], ConfitureError | None] = {}
        found = []
        for task in tasks:
            if (obstacle := task_obstacle(task, ())) is not None:
                found.append(TransferSurvey(engine=_NAME, obstacle=obstacle, hint="use the engine 'copy'"))
                continue
            pair = (_key(task.source), _key(task.target))
            if pair[0] not in sources:
                sources[pair[0]] = await stack.enter_async_context(reading(ctx, task.source))
            if pair[1] not in targets:
                connection = await stack.enter_async_context(ctx.connect(task.target))
                await stack.enter_async_context(rows_transaction(ctx, connection, rollback=True))
                await prepare_session(connection)
                targets[pair[1]] = connection
            source, target = sources[pair[0]], targets[pair[1]]
            try:
                await _describe(ctx, task, source, target, scratch=stands_for is not None)
                if pair not in reached:
                    reached[pair] = await _reach(ctx, task, source, target, stands_for)
                if (failed := reached[pair]) is not None:
                    raise failed
            except ConfitureError as error:
                found.append(TransferSurvey(engine=_NAME, obstacle=error.message, hint=error.hint))
            else:
                found.append(TransferSurvey(engine=_NAME, because="the target reads the source itself", locks=_LOCKS))
    return tuple(found)


def _key(place: Target) -> tuple[str, str]:
    return (place.label, place.database)


async def _describe(ctx: Context, task: TransferTask, source: Connection, target: Connection, *, scratch: bool) -> None:
    """The query over empty tables of the same columns. Raises what is in the way.

    ``scratch``: the target is another server's, so that its locale says nothing.
    """
    query = read_query(task.query)
    async with telling(f"reading from {task.source.label!r} for {task.table!r}"), ctx.transaction(source):
        given, layout = await read_source(source, task, query)
    doing = f"looking at {task.table!r} of {task.target.label!r}"
    async with telling(doing), rows_transaction(ctx, target, rollback=True):
        fitted = await fit_types(given, target, task.table, task.columns, binary=task.binary)
        await refuse_other_functions(target, query, layout)
        if not scratch:
            await refuse_other_locale(target, query, layout)
        able = await read_abilities(target)
        refuse_slow_keys(layout, able)
        types = await counterparts(target, types_of(layout), layout.types)
        foreign = Foreign(target, able, layout, types)
        await foreign.describe()
        await plan_insert(target, task, query, layout, foreign, fitted)


async def _reach(
    ctx: Context, task: TransferTask, source: Connection, target: Connection, stands_for: Target | None
) -> ConfitureError | None:
    """Why the target's server cannot read from the source, which is tried; None where it can."""
    try:
        if stands_for is None:
            async with rows_transaction(ctx, target, rollback=True):
                await _probe(ctx, task, source, target, task.target)
            return None
        async with AsyncExitStack() as stack:
            made = True
            try:
                connection = await stack.enter_async_context(ctx.connect(stands_for))
            except DatabaseNotFound:
                made = False
                connection = await stack.enter_async_context(ctx.connect_maintenance(stands_for))
            await stack.enter_async_context(rows_transaction(ctx, connection, rollback=True))
            if await _may_try(ctx, connection, made=made, there=(await read_abilities(target)).installed):
                await _probe(ctx, task, source, connection, stands_for)
    except ConfitureError as error:
        return error
    return None


async def _may_try(ctx: Context, maintenance: Connection, *, made: bool, there: bool) -> bool:
    """Whether the role may make what it takes in the maintenance database, whose rights are not those in its own.

    ``made``: it is the new database itself, which is there and has no tables yet. ``there``: that will have the
    extension, since its schema creates it. Raises ``PermissionMissing`` where nobody does.
    """
    if not (await read_abilities(maintenance)).installed:
        try:
            async with ctx.transaction(maintenance):
                await create_extension(maintenance, await read_abilities(maintenance))
        except PermissionMissing as error:
            if there:
                return False
            raise PermissionMissing(error.message, hint=error.hint if made else _IN_TEMPLATE) from None
    able = await read_abilities(maintenance)
    try:
        await place_of(maintenance, able, "")
    except PermissionMissing:
        return False
    return bool(able.usage)


async def _probe(ctx: Context, task: TransferTask, source: Connection, target: Connection, place: Target) -> None:
    able = await read_abilities(target)
    if not able.installed:
        await create_extension(target, able)
        able = msgspec.structs.replace(able, usage=True)
    version = int(source.get_server_version()[0])
    file = "confiture.toml"
    address = address_of(task.source, ctx.settings(SECTION, FdwConfig).source, source_version=version, file=file)
    layout = Layout(
        relations={("pg_catalog", "pg_namespace"): _PROBE},
        types={},
        session={},
        bases={},
        functions=frozenset(),
        extensions=frozenset(),
        locale="",
        keys=(),
        version=version,
    )
    foreign = Foreign(target, able, layout, _TYPES, schema=await place_of(target, able, ""))
    doing = f"connecting from {place.label!r} to {task.source.label!r} through {EXTENSION}"

    def told(error: Exception) -> ConfitureError:
        import asyncpg

        assert isinstance(error, asyncpg.PostgresError)
        lost = unreachable(error, task.source.label, place.label, address.shown, address.secrets.values())
        return lost if lost is not None else statement_failure(error, doing)

    async with telling(doing, told):
        await foreign.create(address)
        ((schema, name),) = foreign.names.values()
        await target.fetch(f'SELECT FROM "{schema}"."{name}" LIMIT 1')
