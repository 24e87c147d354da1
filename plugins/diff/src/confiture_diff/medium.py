"""The medium ``diff``: from two sides to a plan, the way back, and the proof of both."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.model import Decisions, DiffOptions, Note, Schema, StepFinished, StepStarted
from confiture_diff.model import DiffConfig, DiffReport, DiffRequest
from confiture_diff.shortcut import equal_texts
from confiture_diff.sides import DEFAULT_NEW, DEFAULT_OLD, Side, load_side

if TYPE_CHECKING:
    from confiture.protocols import Context

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
        old = await load_side(ctx, DEFAULT_OLD if request.old is None else request.old, "old")
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


async def _compare(
    ctx: Context, request: DiffRequest, old: Side, new: Side, report: DiffReport, stack: AsyncExitStack
) -> DiffReport:
    from confiture.hooks import DIFFER
    from confiture_diff.elaborate import Elaboration
    from confiture_diff.planning import rename_rounds, way_back
    from confiture_diff.unsupported import refuse_unsupported

    config = ctx.settings("diff", DiffConfig)
    left = Elaboration(ctx, old, "old", other_live=new.live, config=config, request=request, stack=stack)
    right = Elaboration(ctx, new, "new", other_live=old.live, config=config, request=request, stack=stack)
    before, after = await _both(left.schema, right.schema)
    notes = refuse_unsupported(before, after)
    for note in notes:
        ctx.emit(Note(message=note))
    options = DiffOptions(
        online=not request.offline,
        target_version=request.target_version or _version(old, before),
        rows=await _rows(ctx, old),
        drops=request.drops,
    )
    decisions = _decisions(request, old, new)
    renamed = await rename_rounds(ctx, left, before, after, decisions, config)
    plan = await ctx.get(DIFFER, config.differ).diff(ctx, renamed.schema, after, options)
    plan = msgspec.structs.replace(plan, statements=(*renamed.statements, *plan.statements))
    report = msgspec.structs.replace(report, notes=notes, renames=renamed.renames, plan=plan)
    if not plan.statements:
        return report
    if request.backward:
        backward, irreversible = await way_back(ctx, renamed, after, options, config)
        report = msgspec.structs.replace(report, backward=backward, irreversible=irreversible)
    hazards = tuple(dict.fromkeys(hazard for statement in plan.statements for hazard in statement.hazards))
    return msgspec.structs.replace(report, changed=True, hazards=hazards)


def _decisions(request: DiffRequest, old: Side, new: Side) -> Decisions:
    return request.decisions


def _version(old: Side, schema: Schema) -> int:
    return schema.server_version[0] if old.live and schema.server_version else _TARGET_VERSION


_ESTIMATED_ROWS = """
SELECT format('%I.%I', n.nspname, c.relname) AS identity, c.reltuples::bigint AS rows
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.reltuples >= 0
"""


async def _rows(ctx: Context, side: Side) -> dict[str, int]:
    """What the server's statistics say of the tables of a live side."""
    if side.target is None:
        return {}
    async with ctx.connect(side.target) as connection:
        return {row["identity"]: row["rows"] for row in await connection.fetch(_ESTIMATED_ROWS)}


async def _both(first: Callable[[], Awaitable[Any]], second: Callable[[], Awaitable[Any]]) -> tuple[Any, Any]:
    """Both at once. Where both fail, the first one's error is raised: the same at every run."""
    import anyio

    results: list[Any] = [None, None]
    errors: list[Exception | None] = [None, None]

    async def work(number: int, what: Callable[[], Awaitable[Any]]) -> None:
        try:
            results[number] = await what()
        except Exception as error:
            errors[number] = error

    async with anyio.create_task_group() as group:
        group.start_soon(work, 0, first)
        group.start_soon(work, 1, second)
    for error in errors:
        if error is not None:
            raise error
    return results[0], results[1]
