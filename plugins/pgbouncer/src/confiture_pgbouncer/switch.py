"""The switch ``pgbouncer``: clients wait at the pooler, and go on at the new database without an error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio

from confiture.errors import Busy, ConfigError, ConfitureError, ExecutionError
from confiture.model import WarningRaised
from confiture.programs import public_url, run_program, secrets_of
from confiture.translate import collapse
from confiture_pgbouncer.config import Pooler, poolers
from confiture_pgbouncer.console import console
from confiture_pgbouncer.lines import file_of, rewrite
from confiture_pgbouncer.seeing import database_row, leads_to, place, running
from confiture_pgbouncer.waiting import pause, resume

if TYPE_CHECKING:
    from confiture.model import CaptureFinding, Target
    from confiture.protocols import Context

__all__ = ["PgbouncerSwitch"]

#: For a console to answer: it does at once, save PAUSE.
_ANSWER_S = 5.0


class PgbouncerSwitch:
    """A :class:`confiture.protocols.HoldingSwitch`, over one PgBouncer or several."""

    async def preflight(self, ctx: Context, old: Target, new: Target) -> Sequence[CaptureFinding]:
        """Each console, its database's line, and whether it can be rewritten. Nothing is changed."""
        from confiture_pgbouncer.preflight import findings

        return await findings(ctx, old, new)

    async def hold(self, ctx: Context, old: Target, new: Target, *, timeout_s: float) -> None:
        """PAUSE all, which waits for the transactions that run. Not in time: all go on, and ``Busy`` says who runs."""
        every = poolers(ctx)
        try:
            with anyio.fail_after(timeout_s):
                async with anyio.create_task_group() as tasks:
                    for pooler in every:
                        tasks.start_soon(_pause, ctx, pooler)
        except BaseException as failure:
            error = collapse(failure)
            late = isinstance(error, TimeoutError)
            with anyio.CancelScope(shield=True):
                there = [client for pooler in every for client in await _running(ctx, pooler)] if late else []
                await _release(ctx, every)
            if not late:
                raise error from failure
            raise Busy(
                f"transactions at PgBouncer did not end within {timeout_s:g} s, in which it was to be paused",
                detail="\n".join(there) or None,
                hint="end these clients' transactions, or wait for them, and run again; with pool_mode=session a pause "
                "waits for clients to disconnect",
            ) from failure

    async def check_held(self, ctx: Context, old: Target, new: Target) -> None:
        """Raise ``Busy`` where one of them is not paused any more, and what a console says that does not answer."""
        for pooler in poolers(ctx):
            async with console(ctx, pooler.admin) as ask:
                row = await database_row(ask, pooler.database)
            if row is None or row.get("paused") != "1":
                raise Busy(
                    f"PgBouncer's {pooler.database!r} is no longer paused: somebody had it go on, or started it anew",
                    hint="run it again, and leave PgBouncer alone meanwhile",
                )

    async def switch(self, ctx: Context, old: Target, new: Target) -> tuple[Target, Target]:
        """Rewrite the line and RELOAD. Raises ``ConfigError``, and ``ExecutionError`` where it leads elsewhere then."""
        for pooler in poolers(ctx):
            where: dict[str, str | None] = {"dbname": new.database}
            if pooler.config_file is not None:
                where |= place(new)
                path = file_of(ctx, pooler.config_file)
                await anyio.to_thread.run_sync(rewrite, path, pooler.database, place(new))
            else:
                await run_program(
                    pooler.command,
                    folder=ctx.project.root,
                    variables={
                        "CONFITURE_STEP": "switch",
                        "CONFITURE_OLD_URL": public_url(old),
                        "CONFITURE_NEW_URL": public_url(new),
                        "CONFITURE_POOLER_DATABASE": pooler.database,
                    },
                    within_s=pooler.seconds,
                    secrets=secrets_of(old, new),
                )
            with anyio.fail_after(_ANSWER_S):
                async with console(ctx, pooler.admin) as ask:
                    await ask("RELOAD")
                    led = await leads_to(ask, pooler.database)
            if led is None or not where.items() <= led.items():
                raise ExecutionError(
                    f"PgBouncer's database {pooler.database!r} does not lead to the new database after a RELOAD",
                    detail=f"it leads to {led}, and should to {where}",
                    hint="see PgBouncer's log, and whether the file is the one that it reads; then go on with `resume`",
                )
        return old, new

    async def release(self, ctx: Context, old: Target, new: Target) -> None:
        """RESUME those that are paused. Raises what the first one said that could not be asked, after all others."""
        with anyio.CancelScope(shield=True):
            failures = await _release(ctx, poolers(ctx))
        if failures:
            raise failures[0]


async def _pause(ctx: Context, pooler: Pooler) -> None:
    async with console(ctx, pooler.admin) as ask:
        await pause(ask, pooler.database)


async def _running(ctx: Context, pooler: Pooler) -> list[str]:
    try:
        with anyio.fail_after(_ANSWER_S):
            async with console(ctx, pooler.admin) as ask:
                return await running(ask, pooler.database)
    except (ConfitureError, TimeoutError):  # it is told beside another error
        return []


async def _release(ctx: Context, every: Sequence[Pooler]) -> list[ConfitureError]:
    failures: list[ConfitureError] = []
    for pooler in every:
        try:
            with anyio.fail_after(_ANSWER_S):
                async with console(ctx, pooler.admin) as ask:
                    await resume(ask, pooler.database)
        except ConfitureError as error:
            failures.append(error)
        except TimeoutError:
            failures.append(ConfigError(f"PgBouncer's console did not answer within {_ANSWER_S:g} s"))
    for failure in failures:
        ctx.emit(
            WarningRaised(
                message=f"a paused PgBouncer could not be asked to go on: {failure.message}",
                hint="connect to its admin console and say RESUME",
            )
        )
    return failures
