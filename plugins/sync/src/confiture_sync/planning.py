"""Puts rules, selections and both sides' tables together: one plan a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from confiture.errors import Refused
from confiture.hooks import ANONYMIZER
from confiture.masking import Rule, compile_masks
from confiture.masking.reading import read_table
from confiture_sync.model import TableReport
from confiture_sync.values import Job, Selected, Selection, SyncTable, TablePlan

if TYPE_CHECKING:
    from confiture.masking import MaskTable
    from confiture.protocols import Context

__all__ = ["plan_tables", "shown_plan"]

#: A longer text of a rule is left out: the file has it.
_LONGEST_SHOWN = 50


async def plan_tables(
    ctx: Context,
    job: Job,
    selected: Selected,
    rules: Mapping[str, Mapping[str, Rule]],
    selections: Mapping[str, Selection],
) -> tuple[TablePlan, ...]:
    """A plan for each table, largest first.

    Raises ``Refused`` for a table or column that the target lacks, ``ConfigError`` for a rule that cannot be.
    """
    async with ctx.connect(job.target) as connection:
        plans = []
        for table in sorted(selected.tables, key=lambda table: (-table.bytes, table.label)):
            target = await read_table(connection, table.mask.schema, table.mask.name)
            plans.append(_plan(ctx, job, table, target, rules.get(table.label, {}), selections.get(table.label)))
    return tuple(plans)


def _plan(
    ctx: Context,
    job: Job,
    table: SyncTable,
    target: MaskTable,
    rules: Mapping[str, Rule],
    selection: Selection | None,
) -> TablePlan:
    masked = compile_masks(
        lambda kind: ctx.get(ANONYMIZER, kind),
        table.mask,
        rules,
        job.key,
        target=target,
        nulled=None if selection is None else selection.nulled,
    )
    known = {column.name: column for column in target.columns}
    for name in masked.columns:
        if name not in known:
            raise Refused(
                f"the target's {target.label!r} has no column {name!r}",
                hint="bring its schema up to date (`confiture migrate up`, or `confiture build --recreate`), then sync",
            )
    return TablePlan(table=table, target=target, masked=masked, rules=rules, selection=selection)


def shown_plan(plan: TablePlan) -> TableReport:
    """What a dry run says of a table."""
    masked, rules = plan.masked, plan.rules
    selection = plan.selection
    return TableReport(
        table=plan.label,
        rows=plan.table.rows if selection is None or selection.rows is None else selection.rows,
        bytes=plan.table.bytes,
        masked=tuple(sorted(name for name in rules if rules[name].kind != "keep")),
        client=tuple(mask.column for mask in masked.masks),
        kept=tuple(sorted(name for name in rules if rules[name].kind == "keep")),
        rules={name: _shown_rule(rules[name]) for name in sorted(rules)},
        reads=masked.reads,
        subset=None if selection is None else selection.shown,
    )


def _shown_rule(rule: Rule) -> str:
    """``template 'user_{id}@example.com', db/sync_config.yaml:4``; what the file of rules says is no secret."""
    if rule.kind == "keep":
        what = f"kept: {rule.reason}"
    else:
        value = rule.options.get("value")
        what = f"{rule.kind} {value!r}" if isinstance(value, str) and len(value) <= _LONGEST_SHOWN else rule.kind
    where = rule.file if rule.line is None else f"{rule.file}:{rule.line}"
    return what if rule.file is None else f"{what}, {where}"
