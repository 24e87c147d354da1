"""Scratch databases that hold what DDL says."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import msgspec

from confiture.config.project import ScratchConfig
from confiture.errors import ConfitureError, DependencyError, FeatureMissing, StatementFailed
from confiture.hooks import EXECUTOR, SERVER
from confiture.model import Execution, Origin, Plan, Statement

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["SETTINGS", "load_script", "open_loaded"]

#: The executor that scripts are run with. [prefer.executor] replaces it.
_EXECUTOR = "runner"
#: undefined_table, undefined_object (types, roles), undefined_function, invalid_schema_name, undefined_column,
#: undefined_parameter: what a statement fails with that stands before what it needs.
_MISSING = frozenset({"42P01", "42704", "42883", "3F000", "42703", "42P02"})
#: Session settings of whoever writes on a scratch database. Bodies may refer to what comes later, and a plan's
#: statements are made on their own; a statement that waits or runs for minutes there hangs.
SETTINGS = {"check_function_bodies": "off", "lock_timeout": "30s", "statement_timeout": "10min"}
_BEGINNING = (
    Statement(sql="SET check_function_bodies = off", kind="VariableSetStmt", session=True),
    Statement(sql="SET client_min_messages = error", kind="VariableSetStmt", session=True),
)


async def open_loaded(ctx: Context, plan: Plan, label: str, stack: AsyncExitStack) -> Target:
    """A scratch database that lives as long as ``stack`` and holds what ``plan`` makes.

    Statements that do not stand in the order of their needs are sorted. Raises ``StatementFailed`` with the place in
    the file, ``FeatureMissing`` for an extension that the scratch server lacks.
    """
    try:
        return await _attempt(ctx, plan, label, stack)
    except StatementFailed as error:
        if error.sqlstate not in _MISSING:
            raise
        sorted_plan = _sorted(plan)
        if sorted_plan is None:
            raise
        try:
            return await _attempt(ctx, sorted_plan, label, stack)
        except ConfitureError:
            raise error from None


async def _attempt(ctx: Context, plan: Plan, label: str, stack: AsyncExitStack) -> Target:
    own = AsyncExitStack()
    async with own:
        target = await own.enter_async_context(ctx.scratch(label))
        await load_script(ctx, plan, target)
        stack.push_async_exit(own.pop_all())
    return target


async def load_script(ctx: Context, plan: Plan, target: Target) -> None:
    """Run the statements of a side on an empty scratch database."""
    await _check_features(ctx, plan, target)
    statements = (*_BEGINNING, *plan.statements)
    await ctx.get(EXECUTOR, _EXECUTOR).execute(
        ctx, msgspec.structs.replace(plan, statements=statements), target, Execution(atomic=False, create_roles=True)
    )


def _sorted(plan: Plan) -> Plan | None:
    from confiture.sql import order_statements

    try:
        ordering = order_statements(plan)
    except DependencyError:
        return None
    return msgspec.structs.replace(plan, statements=ordering.statements) if ordering.changed else None


async def _check_features(ctx: Context, plan: Plan, target: Target) -> None:
    from confiture.sql import extensions_named, features_named

    places: dict[str, Origin | None] = {**dict(features_named(plan)), **dict(extensions_named(plan))}
    if not places:
        return
    config = ctx.settings("scratch", ScratchConfig)
    server = ctx.get(SERVER, "url" if config.url else config.server)
    try:
        await server.check(
            ctx,
            target,
            tuple(name for name, _ in features_named(plan)),
            tuple(name for name, _ in extensions_named(plan)),
        )
    except FeatureMissing as error:
        error.hint = (
            "set [scratch] url to a server that has it, or [embedded] bin_dir to an installed PostgreSQL's programs"
        )
        for name, place in places.items():
            if repr(name) in error.message and place is not None:
                error.file, error.line, error.column = place.file, place.line, place.column
        raise
