"""The two ways to a whole database: under a temporary name, or in place where an empty one is given.

Under a temporary name: nobody sees the database before it is whole, so it is built in batches that commit (one
transaction over 1,000 tables would exhaust the server's lock table) and over several connections; then it gets its
name. In place: in one transaction; where that cannot be, in batches, and everything is taken back on failure.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import anyio
import msgspec

from confiture.config.project import MigrationsConfig
from confiture.errors import ConfitureError, FeatureMissing, StatementFailed
from confiture.hooks import EXECUTOR, SERVER
from confiture.model import Execution, ExecutionReport, Note, Plan, Statement, Target, WarningRaised
from confiture.temporary import guard_session, temporary_database
from confiture_build.databases import put_in_place
from confiture_build.hints import with_missing_object
from confiture_build.model import BuildConfig, BuiltDatabase
from confiture_build.parallel import run_in_parallel
from confiture_build.planning import LazyPlans
from confiture_build.settings import copy_settings, name_database
from confiture_build.sources import Sources
from confiture_build.stamps import Stamps, history_of, stamp, stamping
from confiture_build.takeback import remember, take_back
from confiture_build.templates import comment_of, find_template, keep_as_template, prune_templates

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context

__all__ = ["Done", "Work", "build_in_place", "build_new"]

#: The executor that plans are run with. [prefer.executor] replaces it.
_EXECUTOR = "runner"


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be built, and how. ``stamps``: the migrations to record as applied; None where there are none."""

    config: BuildConfig
    sources: Sources
    plans: LazyPlans
    stamps: Stamps | None
    cache: bool
    jobs: int


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a strategy did."""

    databases: tuple[BuiltDatabase, ...]
    statements: int
    rows: int
    roles_created: tuple[str, ...]


class _Tally:
    """Adds up what several executions did."""

    def __init__(self) -> None:
        self.statements = self.rows = 0
        self.roles: list[str] = []

    def add(self, report: ExecutionReport) -> None:
        self.statements += report.statements
        self.rows += report.rows
        self.roles += report.roles_created

    def done(self, databases: list[BuiltDatabase]) -> Done:
        return Done(
            databases=tuple(databases), statements=self.statements, rows=self.rows, roles_created=tuple(self.roles)
        )


# -- under a temporary name -------------------------------------------------------------------------------------------


async def build_new(ctx: Context, target: Target, names: tuple[str, ...], work: Work) -> Done:
    """Build each of ``names`` under a temporary name and put it in place, replacing what has the name."""
    import asyncpg

    work.plans.seeds()  # what is wrong in the seeds shows before anything is made

    try:
        return await _build_new(ctx, target, names, work)
    except asyncpg.InvalidCatalogNameError:
        # Another run of the project pruned the template between our finding and our cloning it.
        return await _build_new(ctx, target, names, work)


async def _build_new(ctx: Context, target: Target, names: tuple[str, ...], work: Work) -> Done:
    tally, databases = _Tally(), []
    async with guard_session(ctx, target) as guard:
        async with _template(ctx, target, guard, work, tally, several=len(names) > 1) as (template, cached):
            for name in names:
                async with temporary_database(ctx, target, "build", template=template, guard=guard) as (building, _):
                    if template:
                        comment = await comment_of(guard, template)
                        await copy_settings(guard, template, building.database, comment)
                    else:
                        tally.add(await _run(ctx, (await work.plans.ready()).schema, building, work, jobs=work.jobs))
                    if work.sources.seeds:
                        tally.add(await _run(ctx, work.plans.seeds(), building, work))
                    if work.stamps is not None:
                        await stamp(ctx, building, work.stamps)
                    replaced = await put_in_place(ctx, guard, building.database, name, ctx.run_id)
                databases.append(BuiltDatabase(name=name, how="cloned" if cached else "built", replaced=replaced))
        if template and work.cache and not cached:
            await prune_templates(ctx, guard, work.config.keep_templates)
    return tally.done(databases)


@asynccontextmanager
async def _template(
    ctx: Context, target: Target, guard: Connection, work: Work, tally: _Tally, *, several: bool
) -> AsyncIterator[tuple[str | None, bool]]:
    """A database to clone from, or None; and whether it was there before.

    Not on the server of a protected environment: nothing is left there that was not asked for.
    """
    keep = work.cache and not target.protected and work.config.keep_templates > 0
    if keep and (known := await find_template(ctx, guard, work.sources.digest)):
        yield known, True
        return
    work.plans.begin()
    if not keep and not several:
        yield None, False
        return
    async with temporary_database(ctx, target, "template", guard=guard) as (building, _):
        tally.add(await _run(ctx, (await work.plans.ready()).schema, building, work, jobs=work.jobs))
        if keep:
            yield await keep_as_template(ctx, guard, building.database, work.sources.digest), False
        else:
            yield building.database, False


# -- in place ---------------------------------------------------------------------------------------------------------


async def build_in_place(ctx: Context, target: Target, work: Work) -> Done:
    """Build the empty database that is there, all or nothing."""
    plan = _joined(work.plans.made().schema, work.plans.seeds())
    tally = _Tally()
    own: tuple[Statement, ...] = ()
    if work.stamps is not None:
        async with ctx.connect(target) as connection:
            own = stamping(work.stamps, await history_of(connection, work.stamps))
        plan = _joined(plan, Plan(statements=own))
    if work.jobs > 1:
        ctx.emit(Note(message=f"--jobs has no effect: the empty database {target.database!r} is built in place"))
    if all(statement.transactional for statement in plan.statements):
        tally.add(await _run(ctx, plan, target, work, atomic=True))
    else:
        async with ctx.connect(target) as connection:
            before = await remember(connection, ctx.settings("migrations", MigrationsConfig))
        try:
            tally.add(await _run(ctx, plan, target, work))
        except BaseException:
            with anyio.CancelScope(shield=True):
                left = await take_back(ctx, target, before)
            if left:
                ctx.emit(
                    WarningRaised(
                        message=f"could not be taken back from {target.database!r}: {', '.join(left)}",
                        hint="drop them by hand, or drop and create the database",
                    )
                )
            raise
    tally.statements -= len(own)
    return tally.done([BuiltDatabase(name=target.database, how="built")])


def _joined(schema: Plan, seeds: Plan) -> Plan:
    """Both as one plan, for one transaction. Seeds begin with a session of their own, as they do on a clone.

    So do the rows of the migrations.
    """
    if not seeds.statements:
        return schema
    between: tuple[Statement, ...] = ()
    if any(statement.session for statement in schema.statements):
        between = tuple(
            Statement(sql=sql, kind="VariableSetStmt", session=True)
            for sql in ("RESET SESSION AUTHORIZATION", "RESET ROLE", "RESET ALL")
        )
    return msgspec.structs.replace(
        schema,
        statements=(*schema.statements, *between, *seeds.statements),
        sources=(*schema.sources, *seeds.sources),
    )


# -- both -------------------------------------------------------------------------------------------------------------


async def _run(
    ctx: Context, plan: Plan, target: Target, work: Work, *, atomic: bool = False, jobs: int = 1
) -> ExecutionReport:
    from confiture import sql

    named, others = name_database(plan, target.database)
    if others:
        ctx.emit(Note(message=f"statements about the database {', '.join(others)} are applied to the one being built"))
    await _check_features(ctx, target, dict(sql.features_named(plan)), dict(sql.extensions_named(plan)))
    execution = Execution(atomic=atomic, jobs=jobs, create_roles=target.managed)
    executor = ctx.get(EXECUTOR, _EXECUTOR)
    try:
        if jobs > 1:
            return await run_in_parallel(ctx, executor, named, target, execution)
        return await executor.execute(ctx, named, target, execution)
    except FeatureMissing as error:
        if "XML" in error.message:  # no grammar tells an XML literal from another
            await _check_features(ctx, target, {"xml": error}, {})
        raise
    except StatementFailed as error:
        better: ConfitureError = with_missing_object(error, plan, work.sources.order)
        raise better from error.__cause__


class _Place(Protocol):
    """Where something stands in a file: an ``Origin`` or an error."""

    @property
    def file(self) -> str | None: ...
    @property
    def line(self) -> int | None: ...
    @property
    def column(self) -> int | None: ...


async def _check_features(
    ctx: Context,
    target: Target,
    features: Mapping[str, _Place | None],
    extensions: Mapping[str, _Place | None],
) -> None:
    if not features and not extensions:
        return
    server = ctx.get(SERVER, ctx.environment.server_name)
    try:
        await server.check(ctx, target, tuple(features), tuple(extensions))
    except FeatureMissing as error:
        for name, place in (*extensions.items(), *features.items()):
            if repr(name) in error.message and place is not None:
                error.file, error.line, error.column = place.file, place.line, place.column
        raise
