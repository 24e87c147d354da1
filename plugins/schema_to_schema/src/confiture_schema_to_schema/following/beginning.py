"""What a start does for the changes that come while it copies: they are captured before it reads, and brought over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.errors import DatabaseNotFound
from confiture_schema_to_schema.capturing import Watch, check_way_back, install, plan_watch, preflight, verify
from confiture_schema_to_schema.checking import COPY_ONLY
from confiture_schema_to_schema.cleaning.orphans import check_noting, note_capture
from confiture_schema_to_schema.copying.retrying import retrying
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.following.batches import settle, take
from confiture_schema_to_schema.following.describing import describe_statements
from confiture_schema_to_schema.following.state import follow_state_of

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.model import Finding
    from confiture_schema_to_schema.values import Job, Sides

__all__ = ["NONE", "begin", "bring_over", "capture_of", "watch_of", "watched"]

#: The capture that is none: the new database stays as the old one was when it was copied.
NONE = "none"


async def capture_of(ctx: Context, sides: Sides, run_id: str) -> str:
    """That which a run was begun with."""
    try:
        async with ctx.connect(sides.target) as connection:
            record = await follow_state_of(ctx).read(connection, run_id)
    except DatabaseNotFound:
        record = None
    return NONE if record is None else record.capture


async def watched(ctx: Context, job: Job, capture: str) -> tuple[Watch | None, tuple[Finding, ...]]:
    """What is to be captured, and all that is in its way; nothing is changed."""
    if capture == NONE:
        return None, ()
    watch, findings = plan_watch(job, capture)
    if not _errors(findings):
        findings += await describe_statements(ctx, job, watch)
    findings += (*await preflight(ctx, job, watch), *await check_noting(ctx, job))
    return watch, (*findings, COPY_ONLY) if _errors(findings) else findings


def watch_of(job: Job, capture: str) -> Watch | None:
    """What is to be captured, where nothing is in its way."""
    return None if capture == NONE else plan_watch(job, capture)[0]


def _errors(findings: tuple[Finding, ...]) -> bool:
    return any(finding.level == "error" for finding in findings)


async def begin(ctx: Context, job: Job, watch: Watch) -> None:
    """Before the first chunk. A run that is gone on with must have been told of everything since its own first one.

    Raises ``CaptureBroken`` where it was not, ``Busy`` naming who holds a table, ``Refused`` where the new database
    could not be captured after a cutover.
    """
    from confiture_schema_to_schema.crossing.opening import way_back

    state = state_of(ctx)
    async with ctx.connect(job.sides.target) as connection:
        await follow_state_of(ctx).create(connection, job.run_id, watch)
        copied = await connection.fetchval(
            f"SELECT EXISTS (SELECT FROM {state.chunks} WHERE run_id = $1 AND xid IS NOT NULL)", job.run_id
        )
    if copied:
        await verify(ctx, job, watch)
    else:
        # Now rather than at the cutover, after the copy.
        if way_back(job, watch.capture).job.tables:
            await check_way_back(ctx, watch.capture, job.sides.target)
        await note_capture(ctx, job, watch)
        await install(ctx, job, watch)


async def bring_over(ctx: Context, job: Job, watch: Watch) -> None:
    """When all rows are copied, and before their foreign keys and unique values are looked at."""
    await verify(ctx, job, watch)

    async def work() -> None:
        await settle(ctx, job, watch, await take(ctx, job))

    await retrying(ctx, "bringing over what has changed", work)
