"""The rules of an anonymizer: a kind of mask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confiture.errors import ConfigError
from confiture.hooks import ANONYMIZER
from confiture.masking import MaskedTable, MaskingKey, Rule, compile_masks, read_table
from confiture.model import Mask, Target
from confiture.protocols import Anonymizer, Context
from confiture.testing.rules import expect, expect_error, run_rules
from confiture.transfer import reading

__all__ = ["check_anonymizer"]

_TABLE = "conformance_people"
_KEY = MaskingKey(b"a key that everybody may know....")


class _Case:
    """An anonymizer with a rule for a column of a table that there is."""

    def __init__(self, ctx: Context, anonymizer: Anonymizer, target: Target, rule: Rule, *, open_: bool) -> None:
        self.ctx = ctx
        self.anonymizer = anonymizer
        self.target = target
        self.rule = rule
        self.open = open_

    async def masked(self, rule: Rule | None = None) -> MaskedTable:
        async with self.ctx.connect(self.target) as connection:
            table = await read_table(connection, "public", _TABLE)
        return compile_masks(self.kind, table, {"value": rule or self.rule}, _KEY, check=False)

    def kind(self, name: str) -> Anonymizer:
        """The anonymizer; for rules within its own, whichever there is."""
        return self.anonymizer if name == self.rule.kind else self.ctx.get(ANONYMIZER, name)

    async def rows(self, masked: MaskedTable, order: str = "id") -> dict[int, Any]:
        query = f"SELECT q.id, q.value::text FROM ({masked.query} ORDER BY {_TABLE}.{order}) AS q"
        async with reading(self.ctx, self.target, settings=_KEY.settings) as connection:
            return {row[0]: row[1] for row in await connection.fetch(query)}


async def check_anonymizer(
    ctx: Context,
    anonymizer: Anonymizer,
    target: Target,
    options: Mapping[str, Any],
    *,
    column: str = "text",
    values: str = "'person ' || n",
    open_: bool = False,
) -> None:
    """An anonymizer keeps the rules of its kind for ``options``, in a database where it may do anything.

    ``column`` is the SQL type of a column that it can mask, ``values`` an SQL expression for its values over ``n``, no
    two alike. ``open_``: values may stay as they are. Raises ``NotConforming``.
    """
    async with ctx.connect(target) as connection:
        await connection.execute(
            f"CREATE TABLE {_TABLE} (id int PRIMARY KEY, value {column}); "
            f"INSERT INTO {_TABLE} SELECT n, {values} FROM generate_series(1, 200) AS n; "
            f"INSERT INTO {_TABLE} VALUES (0, NULL)"
        )
    try:
        rule = Rule(kind="conformance", options=dict(options), path="conformance")
        await run_rules(_RULES, _Case(ctx, anonymizer, target, rule, open_=open_))
    finally:
        async with ctx.connect(target) as connection:
            await connection.execute(f"DROP TABLE {_TABLE}")


async def compiles(case: _Case) -> None:
    """A mask has an expression, a function, or leaves the column out."""
    made: list[Mask] = []

    class Kept:
        def compile(self, rule: Rule, scope: Any) -> Mask:
            made.append(case.anonymizer.compile(rule, scope))
            return made[-1]

    async with case.ctx.connect(case.target) as connection:
        table = await read_table(connection, "public", _TABLE)
    compile_masks(
        lambda name: Kept() if name == case.rule.kind else case.kind(name),
        table,
        {"value": case.rule},
        _KEY,
        check=False,
    )
    mask = made[0]
    expect(isinstance(mask, Mask), f"not a Mask but {mask!r}")
    given = [bool(mask.expression), mask.function is not None, mask.omitted]
    expect(any(given), f"{mask!r} does nothing")
    expect(not mask.omitted or given == [False, False, True], f"{mask!r} does something with a column left out")


async def agrees_with_itself(case: _Case) -> None:
    """The same key and row give the same value, in any order, and whoever compiles the rule."""
    masked = await case.masked()
    if "value" not in masked.columns:
        return
    first = await case.rows(masked)
    expect(first == await case.rows(await case.masked(), "id DESC"), "other values in a second run")


async def keeps_null(case: _Case) -> None:
    """NULL stays NULL, where the rule does not say otherwise."""
    masked = await case.masked()
    if "value" in masked.columns:
        expect((await case.rows(masked))[0] is None, "NULL became a value")


async def hides(case: _Case) -> None:
    """No value is what it was."""
    masked = await case.masked()
    if case.open or masked.masks or "value" not in masked.columns:
        return
    async with case.ctx.connect(case.target) as connection:
        raw = await connection.fetch(f"SELECT id, value::text FROM {_TABLE} WHERE value IS NOT NULL")
    found = await case.rows(masked)
    same = [row[0] for row in raw if found[row[0]] == row[1]]
    expect(not same, f"{len(same)} of {len(raw)} values are what they were")


async def keeps_its_word(case: _Case) -> None:
    """What the mask promises is so: uniqueness, length, and that no value becomes NULL."""
    masked = await case.masked()
    mask = masked.compiled["value"]
    if "value" not in masked.columns or mask.function is not None:
        return
    values = [value for number, value in (await case.rows(masked)).items() if number]
    expect(mask.nullable or None not in values, "a value became NULL")
    if mask.max_length is not None:
        longest = max((len(value) for value in values if value is not None), default=0)
        expect(longest <= mask.max_length, f"{longest} characters, where the mask says {mask.max_length}")
    if mask.uniqueness == "preserved" or (mask.uniqueness == "probable" and mask.bits >= 48):
        apart = [value for value in values if value is not None]  # NULLs do not meet in a unique index
        expect(len(set(apart)) == len(apart), "two values became one")
    expect(mask.uniqueness != "probable" or mask.bits > 0, "a probability without the bits that it comes from")


async def knows_its_options(case: _Case) -> None:
    """An option that it does not know is a ConfigError: no column may leave unmasked by a slip."""
    options = {**case.rule.options, "nobody_knows_this_option": 1}
    async with expect_error(ConfigError, when="an option that nobody knows"):
        await case.masked(Rule(kind="conformance", options=options))


_RULES = (compiles, knows_its_options, agrees_with_itself, keeps_null, hides, keeps_its_word)
