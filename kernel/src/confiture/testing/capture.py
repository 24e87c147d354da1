"""The rules of a capture."""

from __future__ import annotations

from typing import Any

from confiture.errors import CaptureBroken
from confiture.model import CapturedTable, Changes, Target
from confiture.protocols import Capture, Context, CountingCapture
from confiture.testing.rules import expect, expect_async, expect_error, run_rules
from confiture.transfer import reading

__all__ = ["check_capture"]

_NAME = "conformance"
_LABEL = "public.Conformance Rows"
_TABLE = CapturedTable(label=_LABEL, sql='public."Conformance Rows"', columns=("The Key", "link"))


async def check_capture(ctx: Context, capture: Capture, source: Target) -> None:
    """A capture keeps the rules of its kind in a database where it may do anything. Raises ``NotConforming``."""
    await _write(ctx, source, f'CREATE TABLE {_TABLE.sql} ("The Key" bigint PRIMARY KEY, link text, note text)')
    try:
        await run_rules(_RULES, ctx, capture, source)
    finally:
        await capture.uninstall(ctx, source, _NAME)
        await _write(ctx, source, f"DROP TABLE {_TABLE.sql}")


async def _write(ctx: Context, source: Target, sql: str) -> None:
    async with ctx.connect(source) as connection:
        await connection.execute(sql)


async def _polled(ctx: Context, capture: Capture, source: Target, *, limit: int | None = None) -> Changes:
    async with reading(ctx, source) as connection:
        changes = await capture.poll(connection, _NAME, limit=limit)
        expect(isinstance(changes, Changes), f"not Changes but {changes!r}")
        expect(await capture.guard(connection, _NAME, changes), "the guard does not hold though nobody writes")
        return changes


def _told(changes: Changes) -> set[Any]:
    return set(changes.rows.get(_LABEL, ()))


async def changes_nothing_beforehand(ctx: Context, capture: Capture, source: Target) -> None:
    """The preflight says what is in the way, and changes nothing."""
    names = ("preflight", "install", "verify", "poll", "guard", "ack", "backlog", "drained", "uninstall")
    expect_async(capture, *names)
    found = await capture.preflight(ctx, source, [_TABLE])
    expect(all(finding.level != "error" for finding in found), f"a plain table is refused: {found!r}")
    removed = await capture.uninstall(ctx, source, _NAME)
    expect(not removed, f"there was something to remove after the preflight: {removed!r}")


async def tells_what_changes(ctx: Context, capture: Capture, source: Target) -> None:
    """Every change is told, with what the columns were before and after."""
    await capture.install(ctx, source, _NAME, [_TABLE])
    await capture.install(ctx, source, _NAME, [_TABLE])
    await capture.verify(ctx, source, _NAME, [_TABLE])
    await _write(ctx, source, f"INSERT INTO {_TABLE.sql} VALUES (1, 'a'), (2, NULL), (3, 'c')")
    await _write(ctx, source, f"""UPDATE {_TABLE.sql} SET "The Key" = 4 WHERE link = 'c'""")
    await _write(ctx, source, f"DELETE FROM {_TABLE.sql} WHERE link = 'a'")
    told = _told(await _polled(ctx, capture, source))
    wanted = {("1", "a"), ("2", None), ("3", "c"), ("4", "c")}
    expect(wanted <= told, f"{len(wanted - told)} of {len(wanted)} rows are not told")


async def acknowledges_what_was_told(ctx: Context, capture: Capture, source: Target) -> None:
    """What is acknowledged is not told again; what came meanwhile is."""
    changes = await _polled(ctx, capture, source)
    await _write(ctx, source, f"INSERT INTO {_TABLE.sql} VALUES (9, 'z')")
    await capture.ack(ctx, source, _NAME, changes)
    await capture.ack(ctx, source, _NAME, changes)
    left = await _polled(ctx, capture, source)
    expect(("9", "z") in _told(left), "a change that came after the poll is lost")
    expect(("1", "a") not in _told(left), "what was acknowledged is told again")
    async with ctx.connect(source) as connection:
        expect(not await capture.drained(connection, _NAME), "it is drained, though something is left")
        expect((await capture.backlog(connection, _NAME)).entries > 0, "a backlog of nothing, though something is left")
    if isinstance(capture, CountingCapture):
        async with ctx.connect(source) as connection:
            expect(
                (await capture.tally(connection, _NAME)).get(_LABEL, 0) > 0, "something is left, and nothing counted"
            )
    await capture.ack(ctx, source, _NAME, left)
    async with ctx.connect(source) as connection:
        expect(await capture.drained(connection, _NAME), "it is not drained, though nothing is left")
        if isinstance(capture, CountingCapture):
            told = await capture.tally(connection, _NAME)
            expect(told == {_LABEL: 0}, f"nothing is left, and {told!r} is counted")


async def tells_of_late_commits(ctx: Context, capture: Capture, source: Target) -> None:
    """A transaction that began first and commits last is told."""
    async with ctx.connect(source) as first, ctx.transaction(first):
        await first.execute(f"INSERT INTO {_TABLE.sql} VALUES (100, 'early')")
        await _write(ctx, source, f"INSERT INTO {_TABLE.sql} VALUES (101, 'late')")
        changes = await _polled(ctx, capture, source)
        expect(("100", "early") not in _told(changes), "a change is told before it is committed")
        await capture.ack(ctx, source, _NAME, changes)
    changes = await _polled(ctx, capture, source)
    expect(("100", "early") in _told(changes), "a change that was committed late is lost")
    await capture.ack(ctx, source, _NAME, changes)


async def tells_of_truncation(ctx: Context, capture: Capture, source: Target) -> None:
    """TRUNCATE is told by the table's label."""
    await _write(ctx, source, f"TRUNCATE {_TABLE.sql}")
    changes = await _polled(ctx, capture, source)
    expect(_LABEL in changes.truncated, f"not told: {changes!r}")
    await capture.ack(ctx, source, _NAME, changes)


async def notices_that_it_is_gone(ctx: Context, capture: Capture, source: Target) -> None:
    """Verifying raises where nothing captures; removing it leaves nothing."""
    await capture.uninstall(ctx, source, _NAME)
    async with expect_error(CaptureBroken, when="verifying what was removed"):
        await capture.verify(ctx, source, _NAME, [_TABLE])
    removed = await capture.uninstall(ctx, source, _NAME)
    expect(not removed, f"something was left to remove: {removed!r}")


_RULES = (
    changes_nothing_beforehand,
    tells_what_changes,
    acknowledges_what_was_told,
    tells_of_late_commits,
    tells_of_truncation,
    notices_that_it_is_gone,
)
