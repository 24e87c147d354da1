"""A scratch database with the schema of a database in use, and none of its rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import StatementFailed
from confiture.model import Execution, Plan
from confiture_incremental.scratch import ScratchDeployment, open_scratch

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_incremental.model import IncrementalConfig

__all__ = ["open_copy"]

#: A body may name what comes later.
_SETTINGS = {"check_function_bodies": "off"}


@asynccontextmanager
async def open_copy(
    ctx: Context, config: IncrementalConfig, exclude: Sequence[str]
) -> AsyncIterator[ScratchDeployment]:
    """A copy of the schema of the run's environment, until the block ends.

    A live database can be no template: its schema is read, and made anew from nothing. Raises ``Refused`` naming an
    object that confiture does not know how to make, ``FeatureMissing`` for an extension that the scratch server lacks.
    """
    report = await ctx.start(
        "diff", old="empty:", new="env:", offline=True, prove=False, backward=False, exclude=tuple(exclude)
    )
    async with open_scratch(ctx, config, "preflight") as scratch:
        await _make(ctx, scratch, report.plan)
        yield scratch


async def _make(ctx: Context, scratch: ScratchDeployment, plan: Plan) -> None:
    if not plan.statements:
        return
    # The scratch database has its own history by now, and a role of its own: it is not at the plan's beginning.
    plan = msgspec.structs.replace(plan, from_digest=None)
    await scratch.check_features(plan)
    async with ctx.connect(scratch.target, settings=_SETTINGS) as connection:
        try:
            await scratch.executor.execute(
                ctx, plan, scratch.target, Execution(atomic=False, create_roles=True), connection=connection
            )
        except StatementFailed as error:
            error.message = f"the schema of {ctx.environment.name!r} could not be copied: {error.message}"
            error.hint = "leave the object out of the copy, if no migration needs it: --exclude"
            raise
