"""A scratch database with the new schema, as its files say it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import msgspec

from confiture.config.project import ProjectConfig, ScratchConfig
from confiture.errors import ConfitureError, FeatureMissing
from confiture.hooks import EXECUTOR, SERVER, SOURCE
from confiture.model import Execution, Origin, Plan, Statement
from confiture.sides import shown_side

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["open_scratch"]

#: The executor that scripts are run with. [prefer.executor] replaces it.
_EXECUTOR = "runner"
_LABEL = "new-schema"
#: Bodies may refer to what comes later.
_BEGINNING = (
    Statement(sql="SET check_function_bodies = off", kind="VariableSetStmt", session=True),
    Statement(sql="SET client_min_messages = error", kind="VariableSetStmt", session=True),
)
#: Nobody else is there: whatever waits or runs for so long hangs.
_EXECUTION = Execution(atomic=False, create_roles=True, lock_timeout_s=30.0, statement_timeout_s=600.0)


async def open_scratch(ctx: Context, stands_for: Target, stack: AsyncExitStack) -> Target:
    """A scratch database that lives as long as ``stack`` and holds the project's schema.

    In the order in which ``build`` would run it; what belongs to a server is not run.
    """
    try:
        plan = await _plan(ctx)
        async with AsyncExitStack() as own:
            target = await own.enter_async_context(ctx.scratch(_LABEL))
            await _check_features(ctx, plan, target)
            plan = msgspec.structs.replace(plan, statements=(*_BEGINNING, *plan.statements))
            await ctx.get(EXECUTOR, _EXECUTOR).execute(ctx, plan, target, _EXECUTION)
            stack.push_async_exit(own.pop_all())
    except ConfitureError as error:
        error.add_note(f"{shown_side(stands_for)!r} has no tables yet: its schema is what the project's files make")
        raise
    return target


async def _plan(ctx: Context) -> Plan:
    from confiture.sql import order_statements, read_script
    from confiture.sql.scratch import fit_for_scratch

    # The order is the one that builds: what is not in that section has its default.
    build = ctx.project.document.get("build", {})
    order = build.get("order", "alphabetical") if isinstance(build, dict) else "alphabetical"
    plan = read_script(await ctx.get(SOURCE, ctx.settings("project", ProjectConfig).source).load(ctx, order=order))
    statements = order_statements(plan).statements if order == "auto" else plan.statements
    fitting = [fit for fit, _ in map(fit_for_scratch, statements) if fit is not None]
    return msgspec.structs.replace(plan, statements=tuple(fitting))


async def _check_features(ctx: Context, plan: Plan, target: Target) -> None:
    from confiture.sql import extensions_named, features_named

    features, extensions = dict(features_named(plan)), dict(extensions_named(plan))
    places: dict[str, Origin | None] = {**features, **extensions}
    if not places:
        return
    config = ctx.settings("scratch", ScratchConfig)
    server = ctx.get(SERVER, "url" if config.url else config.server)
    try:
        await server.check(ctx, target, tuple(features), tuple(extensions))
    except FeatureMissing as error:
        error.hint = (
            "create the new database before (`confiture build`), or set [scratch] url to a server that has it, or "
            "[embedded] bin_dir to an installed PostgreSQL's programs"
        )
        for name, place in places.items():
            if repr(name) in error.message and place is not None:
                error.file, error.line, error.column = place.file, place.line, place.column
        raise
