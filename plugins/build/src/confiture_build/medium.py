"""The medium ``build``: from DDL files to a database that appears whole, or not at all."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from confiture.config.project import MigrationsConfig
from confiture.errors import DatabaseNotEmpty, EnvironmentProtected, UsageError
from confiture.model import StepFinished, StepStarted
from confiture_build.contents import contents, describe
from confiture_build.databases import database_exists
from confiture_build.model import BuildConfig, BuildReport, BuildRequest
from confiture_build.planning import LazyPlans, explain
from confiture_build.sources import Sources, combine, load_sources, write_script
from confiture_build.stamps import read_stamps
from confiture_build.strategies import Work, build_in_place, build_new

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["BuildMedium", "database_names"]


class BuildMedium:
    """Medium 1. One instance may serve several runs."""

    request_type: type[BuildRequest] = BuildRequest

    async def run(self, ctx: Context, request: BuildRequest) -> BuildReport:
        """Build what ``request`` asks for.

        Raises ``SourceError`` before anything is touched, ``DatabaseNotEmpty``, ``EnvironmentProtected``, ``Busy``,
        ``FeatureMissing``, ``RoleMissing`` and ``StatementFailed``; after each of them the server is as it was.
        """
        started = time.monotonic()
        config = ctx.settings("build", BuildConfig)
        jobs = request.jobs if request.jobs is not None else config.jobs
        if jobs < 1 or request.databases < 0:
            raise UsageError(
                "--jobs must be at least 1 and --databases at least 0",
                hint=f"asked for: --jobs {jobs}, --databases {request.databases}",
            )
        sources = await load_sources(ctx, request.order or config.order, seeds=request.seeds)
        plans = LazyPlans(sources)
        report = BuildReport(
            environment=ctx.environment.name,
            digest=sources.digest,
            files=len(sources.schema),
            seed_files=len(sources.seeds),
        )
        stamps = await read_stamps(ctx) if request.execute and not request.explain else None
        if request.explain:
            return _with(report, order=explain(plans.made()), statements=len(plans.made().schema.statements))
        if request.output is not None or not request.execute:
            report = await self._script(ctx, request, sources, plans, report)
        if request.execute:
            cache = request.cache if request.cache is not None else config.cache
            work = Work(config=config, sources=sources, plans=plans, stamps=stamps, cache=cache, jobs=jobs)
            report = await self._execute(ctx, request, work, report)
        return _with(report, seconds=time.monotonic() - started)

    async def _script(
        self, ctx: Context, request: BuildRequest, sources: Sources, plans: LazyPlans, report: BuildReport
    ) -> BuildReport:
        # Parsed even where only the text is wanted: a script that cannot be right is not written.
        statements = plans.made().schema.statements
        text = combine(sources, statements, by_statement=sources.order == "auto")
        if request.output is None:
            return _with(report, sql=text, statements=len(statements))
        path = ctx.project.root / request.output
        _refuse_source(ctx, path, sources)
        fresh = not path.exists()
        write_script(path, text)
        if fresh:
            try:
                # Only the source knows what its patterns take.
                _refuse_source(ctx, path, await load_sources(ctx, "alphabetical", seeds=True))
            except BaseException:
                path.unlink()
                raise
        return _with(report, output=request.output, statements=len(statements))

    async def _execute(self, ctx: Context, request: BuildRequest, work: Work, report: BuildReport) -> BuildReport:
        target = await ctx.target()
        names = database_names(target, request.databases)
        ctx.emit(StepStarted(step="build", label=f"building {target.label}"))
        began = time.monotonic()
        async with ctx.lock(target, f"build {target.database}", wait_s=work.config.lock_wait_s):
            if request.databases == 0 and not request.recreate and await self._is_there_and_empty(ctx, target):
                done = await build_in_place(ctx, target, work)
            else:
                await self._refuse_occupied(ctx, target, names, recreate=request.recreate)
                done = await build_new(ctx, target, names, work)
        ctx.emit(StepFinished(step="build", seconds=time.monotonic() - began, summary=", ".join(names)))
        return _with(
            report,
            databases=done.databases,
            statements=done.statements,
            rows=done.rows,
            roles_created=done.roles_created,
        )

    async def _is_there_and_empty(self, ctx: Context, target: Target) -> bool:
        async with ctx.connect_maintenance(target) as maintenance:
            if not await database_exists(maintenance, target.database):
                return False
        async with ctx.connect(target) as connection:
            own = ctx.settings("migrations", MigrationsConfig)
            found = await contents(connection, own.schema, own.table)
        if found:
            raise DatabaseNotEmpty(
                f"the database {target.database!r} of {target.label!r} is not empty: {describe(found)}",
                hint="build into an empty one, or replace it with --recreate (all of its data is lost)",
            )
        return True

    async def _refuse_occupied(self, ctx: Context, target: Target, names: tuple[str, ...], *, recreate: bool) -> None:
        async with ctx.connect_maintenance(target) as maintenance:
            taken = [name for name in names if await database_exists(maintenance, name)]
        if not taken:
            return
        listed = ", ".join(repr(name) for name in taken)
        if target.protected:
            raise EnvironmentProtected(
                f"the environment {target.label!r} is protected, and {listed} would be replaced",
                hint="nothing replaces a protected database; remove `protected` from its file if that is meant",
            )
        if not recreate:
            raise DatabaseNotEmpty(
                f"there is already {'a database' if len(taken) == 1 else 'databases'} {listed}",
                hint="replace with --recreate (all of the data is lost)",
            )


def _refuse_source(ctx: Context, path: Path, sources: Sources) -> None:
    """The next build would have everything twice, and a file that somebody wrote would be gone."""
    if path.resolve() in {(ctx.project.root / file.path).resolve() for file in (*sources.schema, *sources.seeds)}:
        raise UsageError(
            f"--output {ctx.project.shown(path)!r} would itself be a file of the schema or the seeds",
            hint="name a file outside of their folders, such as db/generated/schema.sql",
        )


def database_names(target: Target, databases: int) -> tuple[str, ...]:
    """The databases that a request means: the target's own, or so many numbered ones."""
    if databases == 0:
        return (target.database,)
    return tuple(f"{target.database}_{number}" for number in range(1, databases + 1))


def _with(report: BuildReport, **changes: object) -> BuildReport:
    import msgspec

    return msgspec.structs.replace(report, **changes)
