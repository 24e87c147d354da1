"""The rules of a transfer engine."""

from __future__ import annotations

from typing import Any

import msgspec

from confiture.errors import ConfitureError, Refused
from confiture.model import Mask, Statement, Target, TransferReport, TransferSurvey, TransferTask
from confiture.protocols import Context, SurveyingEngine, TransferEngine
from confiture.testing.rules import expect, expect_async, expect_error, run_rules
from confiture.transfer import TAKEN_ROWS, exported_snapshot

__all__ = ["check_transfer_engine"]

#: Mixed case and a blank: names are SQL text for tables, bare for columns.
_TABLE = '"Conformance Rows"'
_TEXT = "repeat(E'\\t\\\\ü\\n', n % 7)"
_HIDDEN = "what-nobody-may-see"


async def check_transfer_engine(ctx: Context, engine: TransferEngine, source: Target, target: Target) -> None:
    """An engine keeps the rules of its kind between two databases, where it may do anything.

    Raises ``NotConforming``.
    """
    for place, last in ((source, 1000), (target, 0)):
        async with ctx.connect(place) as connection:
            await connection.execute(
                f"CREATE TABLE {_TABLE} AS SELECT n, nullif({_TEXT}, '') AS \"The Text\" "
                f"FROM generate_series(1, {last}) AS n; "
                "CREATE SEQUENCE conformance_numbers; CREATE TABLE conformance_runs (n integer)"
            )
    task = TransferTask(
        source=source,
        target=target,
        table=_TABLE,
        columns=("n", "The Text"),
        query=f'SELECT n, "The Text" FROM {_TABLE} -- all of them',
    )
    try:
        await run_rules(_RULES, ctx, engine, task)
    finally:
        for place in (source, target):
            async with ctx.connect(place) as connection:
                await connection.execute(f"DROP TABLE {_TABLE}, conformance_runs; DROP SEQUENCE conformance_numbers")


async def _ask(ctx: Context, place: Target, query: str) -> Any:
    async with ctx.connect(place) as connection:
        return await connection.fetchval(query)


async def _digest(ctx: Context, place: Target) -> Any:
    return await _ask(ctx, place, f"SELECT md5(string_agg(r::text, '|' ORDER BY n)) FROM {_TABLE} AS r")


async def _emptied(ctx: Context, task: TransferTask) -> None:
    async with ctx.connect(task.target) as connection:
        await connection.execute(f"TRUNCATE {_TABLE}, conformance_runs")


def _but(task: TransferTask, **values: Any) -> TransferTask:
    return msgspec.structs.replace(task, **values)


async def moves(ctx: Context, engine: TransferEngine, task: TransferTask) -> None:
    """What is accepted arrives, every value as it was, and is counted."""
    expect_async(engine, "transfer")
    expect(engine.accepts(task) is True, "a plain task is not accepted")
    await _emptied(ctx, task)
    report = await engine.transfer(ctx, task)
    expect(isinstance(report, TransferReport), f"not a TransferReport but {report!r}")
    expect(report.rows == 1000, f"{report.rows} rows in the count, not 1000")
    expect(report.bytes > 0, "no bytes in the report")
    expect(await _digest(ctx, task.source) == await _digest(ctx, task.target), "values that changed on their way")


async def moves_nothing(ctx: Context, engine: TransferEngine, task: TransferTask) -> None:
    """No row is no error."""
    await _emptied(ctx, task)
    report = await engine.transfer(ctx, _but(task, query=f"SELECT * FROM {_TABLE} WHERE n < 0"))
    expect(report.rows == 0, f"{report.rows} rows in the count, not 0")


async def masks(ctx: Context, engine: TransferEngine, task: TransferTask) -> None:
    """A mask replaces its column before the data leaves the source; an engine that does not accept it moves nothing."""
    await _emptied(ctx, task)
    mask = Mask(column="The Text", expression="'masked ' || n -- by a number")
    if not engine.accepts(task, (mask,)):
        async with expect_error(Refused, when="a mask that is not accepted"):
            await engine.transfer(ctx, task, (mask,))
        return
    await engine.transfer(ctx, task, (mask,))
    await _expect_masked(ctx, task, "'masked ' || n")


async def _expect_masked(ctx: Context, task: TransferTask, expression: str) -> None:
    other = f'"The Text" IS DISTINCT FROM {expression}'
    wrong = await _ask(ctx, task.target, f"SELECT count(*) FROM {_TABLE} WHERE {other}")
    right = await _ask(ctx, task.target, f"SELECT count(*) FROM {_TABLE}")
    expect((wrong, right) == (0, 1000), f"{wrong} of {right} rows are not masked")


def _marked(value: bytes | None) -> bytes | None:
    return b"none" if value is None else value[::2] + b"\t\\"


async def masks_in_the_client(ctx: Context, engine: TransferEngine, task: TransferTask) -> None:
    """A mask's function gets each value, and NULL as None, and what it returns arrives; where such are accepted."""
    mask = Mask(column="The Text", function=_marked, expression="nullif('ab' || n, 'ab7')")
    for binary in (True, False):
        each = _but(task, binary=binary)
        if engine.accepts(each, (mask,)):
            await _emptied(ctx, task)
            await engine.transfer(ctx, each, (mask,))
            half = r"(SELECT string_agg(substr('ab' || n, i, 1), '' ORDER BY i) FROM generate_series(1, 6, 2) AS i)"
            await _expect_masked(ctx, task, f"CASE WHEN n = 7 THEN 'none' ELSE {half} || E'\\t\\\\' END")
    nothing = Mask(column="The Text", function=lambda value: None)
    if engine.accepts(task, (nothing,)):
        await _emptied(ctx, task)
        await engine.transfer(ctx, task, (nothing,))
        await _expect_masked(ctx, task, "NULL")


async def goes_as_text(ctx: Context, engine: TransferEngine, task: TransferTask) -> None:
    """As text, a value is read anew by the column's type, whatever the source's session would write."""
    task = _but(task, binary=False, query=f'SELECT n::numeric, "The Text" FROM {_TABLE}')
    if engine.accepts(task):
        await _emptied(ctx, task)
        report = await engine.transfer(ctx, task)
        expect(not report.binary, "the report says that the rows went in binary")
        expect(await _digest(ctx, task.source) == await _digest(ctx, task.target), "values that changed on their way")


async def takes_settings(ctx: Context, engine: TransferEngine, task: TransferTask) -> None:
    """The query reads its settings, and no session's statement holds their values."""
    sessions = "FROM pg_stat_activity WHERE datname = current_database()"
    seen = f"SELECT bool_or(query LIKE '%' || current_setting('conformance.key') || '%') {sessions}"
    task = _but(
        task,
        query=f"SELECT n, current_setting('conformance.key') || ({seen}) FROM {_TABLE}",
        settings={"conformance.key": _HIDDEN},
    )
    expect(_HIDDEN not in repr(task), "the task's repr() shows it")
    await _emptied(ctx, task)
    await engine.transfer(ctx, task)
    await _expect_masked(ctx, task, f"'{_HIDDEN}false'")


async def shares_a_snapshot(ctx: Context, engine: TransferEngine, task: TransferTask) -> None:
    """With a snapshot, the rows are those that it has, not those that came since."""
    async with exported_snapshot(ctx, task.source) as snapshot:
        if not engine.accepts(_but(task, snapshot=snapshot.id)):
            return
        async with ctx.connect(task.source) as connection:
            await connection.execute(f"INSERT INTO {_TABLE} VALUES (1001)")
        try:
            await _emptied(ctx, task)
            report = await engine.transfer(ctx, _but(task, snapshot=snapshot.id))
        finally:
            await _ask(ctx, task.source, f"DELETE FROM {_TABLE} WHERE n > 1000")
    expect(report.rows == 1000, f"{report.rows} rows, where the snapshot has 1000")


async def keeps_it_one_transaction(ctx: Context, engine: TransferEngine, task: TransferTask) -> None:
    """What is to run before and after the rows does, in their transaction: an error takes all of it back."""
    number = f"INSERT INTO conformance_runs SELECT count(*) FROM {_TABLE}"
    task = _but(task, before=(Statement(sql=f"TRUNCATE {_TABLE}"), Statement(sql=number)))
    told = f"INSERT INTO conformance_runs SELECT current_setting('{TAKEN_ROWS}')::integer"
    task = _but(task, after=(Statement(sql=number), Statement(sql=told)))
    if not engine.accepts(task):
        return
    await _emptied(ctx, task)
    for _ in range(2):
        await engine.transfer(ctx, task)
    counts = "SELECT array_agg(n ORDER BY ctid) FROM conformance_runs"
    found = await _ask(ctx, task.target, counts)
    expected = [0, 1000, 1000] * 2
    expect(
        found == expected, f"the statements found {found} rows, and not 0 before and 1000 after, which they are told"
    )
    failing = _but(task, after=(Statement(sql=number), Statement(sql="SELECT 1 / 0")))
    async with expect_error(ConfitureError, when="a statement after the rows that fails"):
        await engine.transfer(ctx, failing)
    expect(await _ask(ctx, task.target, counts) == found, "something is left of a transfer that failed")

    task = _but(task, rollback=True)
    if not engine.accepts(task):
        return
    await _emptied(ctx, task)
    tried = await engine.transfer(ctx, task)
    expect(tried.rows == 1000, f"{tried.rows} rows in the count of a transfer with rollback, not 1000")
    left = f"SELECT (SELECT count(*) FROM {_TABLE}) + (SELECT count(*) FROM conformance_runs)"
    expect(await _ask(ctx, task.target, left) == 0, "something is left of a transfer with rollback")


async def only_reads(ctx: Context, engine: TransferEngine, task: TransferTask) -> None:
    """The source is read only: a query that would write is an error."""
    await _emptied(ctx, task)
    query = f"SELECT n, nextval('conformance_numbers')::text FROM {_TABLE}"
    async with expect_error(ConfitureError, when="a query that writes"):
        await engine.transfer(ctx, _but(task, query=query))
    expect(await _ask(ctx, task.target, f"SELECT count(*) FROM {_TABLE}") == 0, "rows are left")


async def refuses_other_types(ctx: Context, engine: TransferEngine, task: TransferTask) -> None:
    """A query of other types than the table's, or another number of columns, is Refused before a row moves."""
    await _emptied(ctx, task)
    for query in (f'SELECT n::bigint, "The Text" FROM {_TABLE}', f"SELECT n FROM {_TABLE}"):
        async with expect_error(Refused, when=f"the query {query!r}"):
            await engine.transfer(ctx, _but(task, query=query))
    expect(await _ask(ctx, task.target, f"SELECT count(*) FROM {_TABLE}") == 0, "rows are left")


async def refuses_idle_masks(ctx: Context, engine: TransferEngine, task: TransferTask) -> None:
    """A mask for a column that is not copied is Refused: a slip in a name must not let a column through."""
    await _emptied(ctx, task)
    async with expect_error(Refused, when="a mask for a column that is not copied"):
        await engine.transfer(ctx, task, (Mask(column="the text", expression="NULL"),))


async def tells_no_values(ctx: Context, engine: TransferEngine, task: TransferTask) -> None:
    """An error that a row's values cause names table and side, and holds none of the values; nothing is left."""
    await _emptied(ctx, task)
    async with ctx.connect(task.target) as connection:
        await connection.execute(f"ALTER TABLE {_TABLE} ADD CONSTRAINT few CHECK (n < 777)")
    query = f"SELECT n, CASE n WHEN 777 THEN '{_HIDDEN}' END FROM {_TABLE} ORDER BY n"
    try:
        async with expect_error(ConfitureError, when="a row that the target does not take"):
            try:
                await engine.transfer(ctx, _but(task, query=query))
            except ConfitureError as error:
                told = f"{error.as_dict()}"
                raise
    finally:
        await _ask(ctx, task.target, f"ALTER TABLE {_TABLE} DROP CONSTRAINT few")
    expect(_HIDDEN not in told, "the error holds the value")
    expect("Conformance Rows" in told and task.target.label in told, f"neither table nor side in {told}")
    expect(await _ask(ctx, task.target, f"SELECT count(*) FROM {_TABLE}") == 0, "rows are left")


async def surveys(ctx: Context, engine: TransferEngine, task: TransferTask) -> None:
    """Of an engine that can be asked beforehand: one answer to each task, why one cannot be done, and nothing moves."""
    if not isinstance(engine, SurveyingEngine):
        return
    await _emptied(ctx, task)
    wrong = _but(task, query=f'SELECT n::bigint, "The Text" FROM {_TABLE}')
    for sample in (True, False):
        answers = await engine.survey(ctx, [task, wrong, task], sample=sample)
        expect([isinstance(each, TransferSurvey) for each in answers] == [True] * 3, f"{answers!r} for three tasks")
        expect(
            [each.obstacle is None for each in answers] == [True, False, True],
            "the second of three tasks, and it alone, cannot be done",
        )
        expect(all(each.engine for each in answers), "an answer that names no engine")
        expect(await _ask(ctx, task.target, f"SELECT count(*) FROM {_TABLE}") == 0, "a survey has moved rows")
    expect(all(each.rows_per_second is None for each in answers), "rates where no row was to be read to measure them")


async def freezes(ctx: Context, engine: TransferEngine, task: TransferTask) -> None:
    """Rows that may be written as if they were old, and a stream that may be held back, arrive as others do."""
    emptied = (Statement(sql=f"TRUNCATE {_TABLE}"),)
    task = _but(task, before=emptied, freeze=True, bytes_per_second=1 << 20)
    if not engine.accepts(task):
        return
    report = await engine.transfer(ctx, task)
    expect(report.rows == 1000, f"{report.rows} rows in the count, not 1000")
    expect(await _digest(ctx, task.source) == await _digest(ctx, task.target), "values that changed on their way")


_RULES = (
    *(moves, moves_nothing, masks, masks_in_the_client, goes_as_text, takes_settings, shares_a_snapshot),
    *(keeps_it_one_transaction, only_reads, refuses_other_types, refuses_idle_masks, tells_no_values),
    *(freezes, surveys),
)
