"""The medium ``diff``: from two sides to a plan, the way back, and the proof of both."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.model import Decisions, DiffOptions, Hazard, Note, Plan, Schema, StepFinished, StepStarted, WarningRaised
from confiture_diff.model import DiffConfig, DiffReport, DiffRequest
from confiture_diff.shortcut import equal_texts
from confiture_diff.sides import DEFAULT_NEW, DEFAULT_OLD, Side, load_side

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_diff.elaborate import Elaboration

__all__ = ["DiffMedium"]

#: The server that a plan is made for where nothing says which one.
_TARGET_VERSION = 18


class DiffMedium:
    """Medium 2, its first half. One instance may serve several runs."""

    request_type: type[DiffRequest] = DiffRequest

    async def run(self, ctx: Context, request: DiffRequest) -> DiffReport:
        """Compare what ``request`` names.

        Raises ``SourceError`` and ``ExecutionError`` for sides that cannot be read, ``DecisionsNeeded`` where a name
        may have changed, ``Refused`` for a difference that no statement makes, ``ProofFailed`` for a plan that leads
        elsewhere (unless ``request.force``).
        """
        started = time.monotonic()
        old = await load_side(ctx, _old(ctx, request), "old")
        new = await load_side(ctx, DEFAULT_NEW if request.new is None else request.new, "new")
        unchanged = DiffReport(old=old.shown, new=new.shown, changed=False)
        if not (old.live or new.live or request.renames or request.drops) and equal_texts(old.files, new.files):
            return msgspec.structs.replace(unchanged, seconds=time.monotonic() - started)
        ctx.emit(StepStarted(step="diff", label="compare"))
        async with AsyncExitStack() as stack:
            report = await _compare(ctx, request, old, new, unchanged, stack)
        seconds = time.monotonic() - started
        ctx.emit(StepFinished(step="diff", seconds=seconds, summary=f"{len(report.plan.statements)} statements"))
        return msgspec.structs.replace(report, seconds=seconds)


def _old(ctx: Context, request: DiffRequest) -> str:
    """How the old side is written. Raises ``UsageError`` for a baseline where there are migrations to begin with."""
    if request.baseline is None:
        return DEFAULT_OLD if request.old is None else request.old
    from confiture.errors import UsageError
    from confiture.migrations.finding import find_project_migrations

    if migrations := find_project_migrations(ctx.project):
        raise UsageError(
            f"the baseline {request.baseline!r} is for a project without migrations, and there is "
            f"{migrations[0].shown!r}",
            hint=f"compare with that database all the same: env:{request.baseline} as OLD",
        )
    return f"env:{request.baseline}"


async def _compare(
    ctx: Context, request: DiffRequest, old: Side, new: Side, report: DiffReport, stack: AsyncExitStack
) -> DiffReport:
    from confiture.estimating import estimates, read_sizes
    from confiture.hooks import DIFFER
    from confiture_diff.comparing import changes, only_changes
    from confiture_diff.elaborate import Elaboration
    from confiture_diff.planning import drops_followed, rename_rounds, way_back
    from confiture_diff.trial import Trial
    from confiture_diff.unsupported import refuse_unsupported

    config = ctx.settings("diff", DiffConfig)
    left = Elaboration(ctx, old, "old", other_live=new.live, config=config, request=request, stack=stack)
    right = Elaboration(ctx, new, "new", other_live=old.live, config=config, request=request, stack=stack)
    before, after = await _read(left, right, prove=request.prove and request.plan)
    _warn_of_versions(ctx, old, new, before, after)
    if not request.plan:
        options = DiffOptions(online=False, drops=("*",))
        found = await only_changes(ctx.get(DIFFER, config.differ), ctx, before, after, options)
        return msgspec.structs.replace(
            report, changed=bool(found), changes=found, notes=tuple(_extension_notes(left, right))
        )
    notes = (*refuse_unsupported(before, after), *_extension_notes(left, right))
    decisions = _decisions(request, old, new)
    sizes = await read_sizes(ctx, old.target)
    options = DiffOptions(
        online=not request.offline,
        target_version=request.target_version or _version(old, before),
        rows={name: size.rows for name, size in sizes.items() if size.rows is not None},
        backfills=request.backfills,
    )
    trial = Trial(ctx, left, before, over_rows=request.prove)
    renamed = await rename_rounds(ctx, before, after, decisions, config, options.target_version, trial.rename)
    options = msgspec.structs.replace(options, drops=drops_followed(decisions.drops, renamed.renames))
    plan = await ctx.get(DIFFER, config.differ).diff(ctx, renamed.schema, after, options)
    plan = msgspec.structs.replace(plan, statements=(*renamed.statements, *plan.statements))
    report = msgspec.structs.replace(report, renames=renamed.renames, plan=plan, notes=notes)
    if plan.statements:
        found = changes(renamed.schema, after)
        seconds = estimates(plan.statements, sizes, renamed.renames)
        report = msgspec.structs.replace(
            report, changed=True, changes=found, hazards=_hazards(plan), estimated_s=seconds
        )
        if request.backward:
            backward, irreversible = await way_back(ctx, renamed, after, options, config)
            report = msgspec.structs.replace(report, backward=backward, irreversible=irreversible)
        if request.prove:
            report = await trial.prove(report, after, wanted=request.backward, force=request.force)
    if plan.statements and request.generate is not None:
        from confiture_diff.generating import write

        report = write(ctx, request, report)
    for note in report.notes:
        ctx.emit(Note(message=note))
    return report


async def _read(left: Elaboration, right: Elaboration, *, prove: bool) -> tuple[Schema, Schema]:
    """Both schemas. What the proof will need is made meanwhile, where the new side takes time anyhow."""
    work: list[Callable[[], Awaitable[Any]]] = [left.schema, right.schema]
    if prove and not left.side.live and not await right.remembered():
        work.append(left.copy)
    before, after, *_ = await _all(work)
    return before, after


def _warn_of_versions(ctx: Context, old: Side, new: Side, before: Schema, after: Schema) -> None:
    """Each version prints expressions in its own way, and before 18 NOT NULL had no name."""
    versions = {schema.server_version[0] for schema in (before, after) if schema.server_version}
    if len(versions) > 1:
        ctx.emit(
            WarningRaised(
                message=f"{old.shown} was read from PostgreSQL {before.server_version[0]}, {new.shown} from "
                f"{after.server_version[0]}: what only their printing differs in shows as a change",
                hint="set [scratch] url in confiture.toml to a server of the same version",
            )
        )


def _extension_notes(left: Elaboration, right: Elaboration) -> Iterator[str]:
    """A live database's version of an extension beside the one that DDL made here, which are not compared."""
    if left.side.live == right.side.live:
        return
    live, ddl = (left, right) if left.side.live else (right, left)
    there, here = live.extension_versions(), ddl.extension_versions()
    for name in sorted(there.keys() & here.keys()):
        if there[name] != here[name]:
            yield f"extension {name} is {there[name]} in {live.side.shown}, {here[name]} on the scratch server"


def _hazards(plan: Plan) -> tuple[Hazard, ...]:
    from confiture.sql.effects import worth_telling

    return tuple(dict.fromkeys(hazard for statement in plan.statements for hazard in worth_telling(statement)))


def _decisions(request: DiffRequest, old: Side, new: Side) -> Decisions:
    """Those of the request, and those that the DDL's comments hold; the request's come first."""
    from confiture_diff.hints import read_hints

    hints = read_hints(old.files, new.files)
    said = dict(request.renames)
    return Decisions(
        renames=(*request.renames, *((name, to) for name, to in hints.renames if name not in said)),
        drops=tuple(dict.fromkeys((*request.drops, *hints.drops))),
    )


def _version(old: Side, schema: Schema) -> int:
    return schema.server_version[0] if old.live and schema.server_version else _TARGET_VERSION


async def _all(work: Sequence[Callable[[], Awaitable[Any]]]) -> list[Any]:
    """What all of them give, done at once. Of several errors the first one's is raised: the same at every run."""
    import anyio

    results: list[Any] = [None] * len(work)
    errors: list[Exception | None] = [None] * len(work)

    async def do(number: int) -> None:
        try:
            results[number] = await work[number]()
        except Exception as error:
            errors[number] = error

    async with anyio.create_task_group() as group:
        for number in range(len(work)):
            group.start_soon(do, number)
    for error in errors:
        if error is not None:
            raise error
    return results
