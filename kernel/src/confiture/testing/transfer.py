"""The rules of a transfer engine and of an anonymizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confiture.errors import ConfigError
from confiture.model import Mask, Target, TransferTask
from confiture.protocols import Anonymizer, Context, TransferEngine
from confiture.testing.rules import expect, expect_async, expect_error, run_rules

__all__ = ["check_anonymizer", "check_transfer_engine"]

_TABLE = "conformance_rows"


async def check_transfer_engine(ctx: Context, engine: TransferEngine, source: Target, target: Target) -> None:
    """An engine keeps the rules of its kind between two databases, where it may do anything.

    Raises ``NotConforming``.
    """
    for place, rows in ((source, "generate_series(1, 1000)"), (target, "generate_series(1, 0)")):
        async with ctx.connect(place) as connection:
            await connection.execute(
                f"CREATE TABLE {_TABLE} AS SELECT n, nullif(repeat(E'\\t\\\\ü\\n', n % 7), '') AS t FROM {rows} AS n"
            )
    task = TransferTask(
        source=source, target=target, table=_TABLE, columns=("n", "t"), query=f"SELECT n, t FROM {_TABLE}"
    )
    try:
        await run_rules((moves, masks), ctx, engine, task)
    finally:
        for place in (source, target):
            async with ctx.connect(place) as connection:
                await connection.execute(f"DROP TABLE {_TABLE}")


async def _digest(ctx: Context, place: Target) -> Any:
    async with ctx.connect(place) as connection:
        return await connection.fetchval(f"SELECT md5(string_agg(r::text, '|' ORDER BY n)) FROM {_TABLE} AS r")


async def _emptied(ctx: Context, place: Target) -> None:
    async with ctx.connect(place) as connection:
        await connection.execute(f"TRUNCATE {_TABLE}")


async def moves(ctx: Context, engine: TransferEngine, task: TransferTask) -> None:
    """What is accepted arrives, every value as it was, and is counted."""
    expect_async(engine, "transfer")
    expect(engine.accepts(task) is True, "a plain task is not accepted")
    await _emptied(ctx, task.target)
    rows = await engine.transfer(ctx, task)
    expect(rows == 1000, f"{rows} rows in the count, not 1000")
    expect(await _digest(ctx, task.source) == await _digest(ctx, task.target), "values that changed on their way")


async def masks(ctx: Context, engine: TransferEngine, task: TransferTask) -> None:
    """A mask replaces its column before the data leaves the source."""
    await _emptied(ctx, task.target)
    await engine.transfer(ctx, task, (Mask(column="t", expression="'masked ' || n"),))
    async with ctx.connect(task.target) as connection:
        wrong = await connection.fetchval(f"SELECT count(*) FROM {_TABLE} WHERE t IS DISTINCT FROM 'masked ' || n")
        right = await connection.fetchval(f"SELECT count(*) FROM {_TABLE}")
    expect((wrong, right) == (0, 1000), f"{wrong} of {right} rows are not masked")


async def check_anonymizer(anonymizer: Anonymizer, table: str, rules: Mapping[str, Any]) -> None:
    """An anonymizer keeps the rules of its kind for ``rules``, which it understands. Raises ``NotConforming``."""
    await run_rules((compiles, knows_its_rules), anonymizer, table, rules)


async def compiles(anonymizer: Anonymizer, table: str, rules: Mapping[str, Any]) -> None:
    """One mask a rule, an SQL expression each, the same each time."""
    masks = list(anonymizer.compile(table, rules))
    expect(all(isinstance(mask, Mask) and mask.expression for mask in masks), f"the masks {masks!r}")
    expect(sorted(mask.column for mask in masks) == sorted(rules), "other columns than the rules have")
    expect(masks == list(anonymizer.compile(table, rules)), "other masks the second time")


async def knows_its_rules(anonymizer: Anonymizer, table: str, rules: Mapping[str, Any]) -> None:
    """A rule that it does not know is a ConfigError: no column may leave unmasked by a slip."""
    async with expect_error(ConfigError, when="a rule that nobody knows"):
        anonymizer.compile(table, {**rules, "a_column": "nobody_knows_this_rule"})
