"""The transfer engine ``fdw``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from confiture.errors import Refused
from confiture.model import Mask, Progress, TransferReport, TransferTask
from confiture.transfer import (
    TAKEN_BYTES,
    TAKEN_ROWS,
    WireType,
    fit_types,
    prepare_session,
    reading,
    set_local,
)
from confiture_fdw.addresses import Address, address_of
from confiture_fdw.around import rows_transaction, run_statements
from confiture_fdw.config import SECTION, FdwConfig
from confiture_fdw.failures import row_failure, telling, unreachable
from confiture_fdw.objects import Foreign, create_extension, read_abilities
from confiture_fdw.planning import (
    place_of,
    plan_insert,
    read_source,
    refuse_other_functions,
    refuse_other_locale,
    task_obstacle,
    types_of,
)
from confiture_fdw.preparing import make_extension, remove_extension
from confiture_fdw.queries import read_query
from confiture_fdw.surveying import survey_tasks
from confiture_fdw.types import counterparts

if TYPE_CHECKING:
    from confiture.errors import ConfitureError
    from confiture.model import Target, TransferSurvey
    from confiture.protocols import Connection, Context
    from confiture.transfer import WireType
    from confiture_fdw.inserting import Insert
    from confiture_fdw.layouts import Layout
    from confiture_fdw.queries import ReadQuery

__all__ = ["FdwEngine"]

#: A statement goes on after its client is gone, and its transaction holds its locks: who goes on with a run that was
#: killed would wait for it.
_CHECK_CLIENT: Final = {"client_connection_check_interval": "5s"}
_CHECKS_CLIENT_SINCE: Final = 14
_ROW_BYTES: Final = 200


class FdwEngine:
    """Has the target read the rows itself, through postgres_fdw."""

    def accepts(self, task: TransferTask, masks: Sequence[Mask] = ()) -> bool:
        """See ``TransferEngine.accepts``."""
        return task_obstacle(task, masks) is None

    async def survey(
        self, ctx: Context, tasks: Sequence[TransferTask], *, stands_for: Target | None = None, sample: bool = True
    ) -> Sequence[TransferSurvey]:
        """See ``SurveyingEngine.survey``."""
        return await survey_tasks(ctx, tasks, stands_for)

    async def prepare(self, ctx: Context, tasks: Sequence[TransferTask]) -> None:
        """Create the extension where it is missing. See ``PreparingEngine.prepare``."""
        for target in {(task.target.label, task.target.database): task.target for task in tasks}.values():
            await make_extension(ctx, target)

    async def remove(self, ctx: Context, target: Target) -> Sequence[str]:
        """Drop the extension where :meth:`prepare` created it. See ``PreparingEngine.remove``."""
        return await remove_extension(ctx, target)

    async def transfer(self, ctx: Context, task: TransferTask, masks: Sequence[Mask] = ()) -> TransferReport:
        """Move the rows. See ``TransferEngine.transfer``."""
        begun = time.perf_counter()
        if obstacle := task_obstacle(task, masks):
            raise Refused(f"{task.table!r} cannot be copied through postgres_fdw: {obstacle}", hint="use 'copy'")
        query = read_query(task.query)
        config = ctx.settings(SECTION, FdwConfig)
        async with (
            telling(f"reading from {task.source.label!r} for {task.table!r}"),
            reading(ctx, task.source) as source,
        ):
            given, layout = await read_source(source, task, query)
        address = address_of(task.source, config.source, source_version=layout.version, file="confiture.toml")
        doing = _writing(task)
        async with (
            telling(doing, lambda error: self._told(error, task, address)),
            ctx.connect(task.target) as target,
            rows_transaction(ctx, target, rollback=task.rollback),
        ):
            await prepare_session(target)
            await set_local(target, task.settings)
            await run_statements(target, task, task.before, "before")
            rows = await self._insert(target, task, query, given, layout, address, config)
            size = rows * max([each.row_bytes or _ROW_BYTES for each in layout.relations.values()], default=_ROW_BYTES)
            _tell(ctx, task, rows, size)
            if task.after:
                await set_local(target, {TAKEN_ROWS: str(rows), TAKEN_BYTES: str(size)})
                await run_statements(target, task, task.after, "after")
        return TransferReport(rows=rows, bytes=size, seconds=time.perf_counter() - begun, binary=False)

    async def _insert(
        self,
        target: Connection,
        task: TransferTask,
        query: ReadQuery,
        given: Sequence[WireType],
        layout: Layout,
        address: Address,
        config: FdwConfig,
    ) -> int:
        able = await read_abilities(target)
        if able.linux and able.version >= _CHECKS_CLIENT_SINCE:
            await set_local(target, _CHECK_CLIENT)
        fitted = await fit_types(given, target, task.table, task.columns, binary=task.binary)
        await refuse_other_functions(target, query, layout)
        await refuse_other_locale(target, query, layout)
        foreign: Foreign | None = None
        if query.relations:
            if not able.installed:  # nobody called prepare(): it is there for this transaction only
                await create_extension(target, able)
                able = msgspec.structs.replace(able, usage=True)
            types = await counterparts(target, types_of(layout), layout.types)
            place = await place_of(target, able, fitted.schema)
            foreign = Foreign(target, able, layout, types, schema=place, fetch_size=config.fetch_size)
            await foreign.create(address)
        insert = await plan_insert(target, task, query, layout, foreign, fitted)
        doing = _writing(task)

        def told(error: Exception) -> ConfitureError:
            return self._told(error, task, address, insert)

        async with telling(doing, told):
            tag = await target.execute(insert.sql)
        if foreign is not None and not task.rollback:
            await foreign.drop()
            if not able.installed:
                await target.execute("DROP EXTENSION postgres_fdw")
        return int(tag.split()[-1])

    def _told(
        self, error: Exception, task: TransferTask, address: Address, insert: Insert | None = None
    ) -> ConfitureError:
        import asyncpg

        assert isinstance(error, asyncpg.PostgresError)
        lost = unreachable(error, task.source.label, task.target.label, address.shown, address.secrets.values())
        if lost is not None:
            return lost
        if insert is None:
            return row_failure(error, _writing(task))
        return row_failure(error, _writing(task), anew=insert.anew, types=insert.types)


def _writing(task: TransferTask) -> str:
    return f"copying rows into {task.table!r} of {task.target.label!r}"


def _tell(ctx: Context, task: TransferTask, rows: int, size: int) -> None:
    if task.step:
        ctx.emit(Progress(step=task.step, done=rows, total=task.estimated_rows, unit="rows"))
        ctx.emit(Progress(step=f"{task.step}.bytes", done=size, unit="bytes"))
