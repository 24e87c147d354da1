"""What ``up`` and ``down`` share: from a request to migrations that were run, or shown, or written to a script."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio.to_thread
import msgspec

from confiture.config.project import MigrationsConfig
from confiture.errors import UsageError
from confiture.migrations.finding import MigrationFile, find_project_migrations
from confiture.migrations.loading import checksum_of
from confiture.migrations.tracking import Direction
from confiture.model import Progress, StepFinished, StepStarted
from confiture_incremental.deployment import Deployment, checked, deployment, provide_database
from confiture_incremental.gates.checking import check, check_known
from confiture_incremental.gates.remembering import remember
from confiture_incremental.hooks import load_seeds, run_hooks
from confiture_incremental.model import Applied, IncrementalConfig, RunReport, UpRequest
from confiture_incremental.recorded import Recorded, read_all, record, record_live
from confiture_incremental.running import ending, run_migration
from confiture_incremental.selecting import Selection, findings, select_down, select_up
from confiture_incremental.showing import rehearse, show
from confiture_incremental.squashed import replaces_of, squashed_record
from confiture_incremental.telling import tell_what_stays
from confiture_incremental.together import run_together, whole

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_incremental.model import DownRequest

__all__ = ["configuration", "files_and_checksums", "migrate"]


async def migrate(ctx: Context, request: UpRequest | DownRequest, direction: Direction) -> RunReport:
    """Run what ``request`` asks for. See ``confiture_incremental.mediums``."""
    started = time.monotonic()
    _check_request(request)
    config = configuration(ctx, request)
    files, checksums = await files_and_checksums(ctx)
    target = await ctx.target()
    report = RunReport(environment=ctx.environment.name, database=target.database, direction=direction)
    select = _selector(ctx, request, files, checksums)
    shows = request.dry_run or request.script is not None
    if direction == "up" and not shows and files:
        await provide_database(ctx, target)
    async with deployment(ctx, target, config, writes=False) as at_work:
        selection = select(at_work)
        if not shows and not _is_empty(selection):
            await at_work.claim()
            selection = select(at_work)  # another run may have done it meanwhile
        if _is_empty(selection):
            report = msgspec.structs.replace(
                report, notes=_notes(files, checksums, at_work), dry_run=shows or request.dry_run_execute
            )
        elif shows:
            recorded = await _recorded(at_work, selection, direction)
            squashed = [squashed_record(file) for file in selection.squashed]
            return await show(at_work, request, recorded, squashed, report)
        else:
            report = await _migrate(at_work, request, selection, direction, report)
        pending = _pending(files, at_work)
    return msgspec.structs.replace(report, pending=pending, seconds=time.monotonic() - started)


def _is_empty(selection: Selection) -> bool:
    return not selection.files and not selection.squashed


async def files_and_checksums(ctx: Context) -> tuple[list[MigrationFile], dict[int, str]]:
    """The project's migrations, and the checksum of each."""

    def read() -> tuple[list[MigrationFile], dict[int, str]]:
        files = find_project_migrations(ctx.project)
        return files, {file.number: checksum_of(file) for file in files}

    return await anyio.to_thread.run_sync(read, abandon_on_cancel=True)


def configuration(ctx: Context, request: object = None) -> IncrementalConfig:
    """``[incremental]``, and over it what the request says of the same names."""
    config = ctx.settings("incremental", IncrementalConfig)
    names = {field.name for field in msgspec.structs.fields(IncrementalConfig)}
    said = {name: value for name in names if (value := getattr(request, name, None)) is not None}
    return checked(msgspec.structs.replace(config, **said))


def _check_request(request: UpRequest | DownRequest) -> None:
    chosen = [
        option
        for option, given in (
            ("--dry-run", request.dry_run),
            ("--dry-run-execute", request.dry_run_execute),
            ("--script", request.script is not None),
            ("--fake", request.fake),
        )
        if given
    ]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} exclude each other", hint="give one of them")


def _selector(
    ctx: Context, request: UpRequest | DownRequest, files: list[MigrationFile], checksums: dict[int, str]
) -> Callable[[Deployment], Selection]:
    if isinstance(request, UpRequest):
        return lambda seen: select_up(
            files,
            checksums,
            seen.history,
            target=request.target,
            steps=request.steps,
            allow_out_of_order=request.allow_out_of_order,
            allow_gaps=ctx.settings("migrations", MigrationsConfig).allow_gaps,
            replaces=replaces_of,
        )
    return lambda seen: select_down(
        files, seen.history, target=request.target, steps=request.steps, replaces=replaces_of
    )


async def _recorded(seen: Deployment, selection: Selection, direction: Direction) -> list[Recorded]:
    """The migrations as plans; those that read are not known before it is their turn."""

    def read() -> list[Recorded]:
        return [record(one, direction, seen.history) for one in read_all(selection.files, direction)]

    return await anyio.to_thread.run_sync(read, abandon_on_cancel=True)


async def _migrate(
    at_work: Deployment, request: UpRequest | DownRequest, selection: Selection, direction: Direction, report: RunReport
) -> RunReport:
    ctx = at_work.ctx
    recorded = await _recorded(at_work, selection, direction)
    if request.single_transaction or request.dry_run_execute:
        recorded = await whole(at_work, recorded)
    told = await check(at_work, recorded, request)
    report = msgspec.structs.replace(report, hazards=told)
    if request.dry_run_execute:
        return await rehearse(at_work, recorded, report)
    await at_work.prepare()
    if selection.squashed:
        await at_work.write(*[squashed_record(file) for file in selection.squashed])
    if request.fake:
        rows = [ending(one, state="faked", seconds=0.0) for one in recorded]
        if rows:
            await at_work.write(*rows)
        await at_work.read()
        await remember(at_work)  # what was done by hand is no drift
        return msgspec.structs.replace(report, migrations=tuple(_faked(one) for one in recorded))
    step = f"migrate.{direction}"
    started = time.monotonic()
    ctx.emit(StepStarted(step=step, label=f"migrate {direction}: {_count(len(recorded))}"))
    if direction == "up" and recorded:
        await run_hooks(at_work, "before_up")
    done: list[Applied] = []
    if request.single_transaction and recorded:
        try:
            done = await run_together(at_work, recorded)
        except BaseException as error:
            tell_what_stays(at_work, direction, [], recorded, error)
            raise
    else:
        try:
            for number, planned in enumerate(recorded):
                one = planned
                if planned.plan is None:
                    one = await record_live(planned, at_work)
                    told = (*told, *await check_known(at_work, one, request))
                each = f"{step}.{one.version}"
                ctx.emit(StepStarted(step=each, label=f"{one.version} {one.name}"))
                done.append(await run_migration(at_work, one))
                ctx.emit(StepFinished(step=each, seconds=done[-1].seconds))
                ctx.emit(Progress(step=step, done=number + 1, total=len(recorded), unit="migrations"))
        except BaseException as error:
            tell_what_stays(at_work, direction, done, [one], error)
            if isinstance(error, Exception) and not at_work.connection.is_closed():
                await remember(at_work)  # the next run must not take for others' changes what this one has done
            raise
        report = msgspec.structs.replace(report, hazards=told)
    try:
        await at_work.read()
        if direction == "up" and recorded:
            await run_hooks(at_work, "after_up")
            await load_seeds(at_work, recorded)
    except BaseException as error:
        tell_what_stays(at_work, direction, done, [], error)
        raise
    await remember(at_work)
    ctx.emit(StepFinished(step=step, seconds=time.monotonic() - started, summary=_count(len(done))))
    return msgspec.structs.replace(report, migrations=tuple(done))


def _count(number: int) -> str:
    return f"{number} migration{'s' if number != 1 else ''}"


def _pending(files: list[MigrationFile], seen: Deployment) -> tuple[str, ...]:
    standings = seen.history.standings
    return tuple(file.version for file in files if (found := standings.get(file.number)) is None or not found.applied)


def _notes(files: list[MigrationFile], checksums: dict[int, str], seen: Deployment) -> tuple[str, ...]:
    """What is odd, and stops nothing."""
    return tuple(one.message for one in findings(files, checksums, seen.history) if one.kind == "ahead")


def _faked(one: Recorded) -> Applied:
    return Applied(
        version=one.version, name=one.name, direction=one.direction, statements=0, seconds=0.0, state="faked"
    )
