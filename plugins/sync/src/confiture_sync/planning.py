"""Puts rules, selections and both sides' tables together: one plan a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from confiture.errors import Refused
from confiture.hooks import ANONYMIZER
from confiture.masking import Rule, compile_masks
from confiture.masking.reading import read_tables
from confiture_sync.model import TableReport
from confiture_sync.values import Job, Selected, Selection, SyncTable, TablePlan

if TYPE_CHECKING:
    from confiture.masking import MaskTable
    from confiture.protocols import Context

__all__ = ["plan_tables", "shown_plan"]

_SCHEMA_HINT = "bring its schema up to date (`confiture migrate up`, or `confiture build --recreate`), then sync"
# A view of that name would take no rows, or give them away.
_ABSENT = """
SELECT n || '.' || t AS label FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS u(n, t)
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
                    WHERE s.nspname = u.n AND c.relname = u.t AND c.relkind IN ('r', 'p')) ORDER BY 1
"""
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
    tables = sorted(selected.tables, key=lambda table: (-table.bytes, table.label))
    names = [(table.mask.schema, table.mask.name) for table in tables]
    async with ctx.connect(job.target) as connection:
        if absent := [row["label"] for row in await connection.fetch(_ABSENT, *map(list, zip(*names, strict=True)))]:
            raise Refused(f"the target has no table {', '.join(map(repr, absent))}", hint=_SCHEMA_HINT)
        targets = await read_tables(connection, names)
    _check_columns(tables, targets, rules)
    return tuple(
        TablePlan(
            table=table,
            target=target,
            masked=compile_masks(
                lambda kind: ctx.get(ANONYMIZER, kind),
                table.mask,
                rules.get(table.label, {}),
                job.key,
                target=target,
                nulled=selections[table.label].nulled if table.label in selections else None,
            ),
            rules=rules.get(table.label, {}),
            selection=selections.get(table.label),
        )
        for table, target in zip(tables, targets, strict=True)
    )


def _check_columns(
    tables: Sequence[SyncTable], targets: Sequence[MaskTable], rules: Mapping[str, Mapping[str, Rule]]
) -> None:
    """All columns that the rows could not go to, of all tables at once."""
    absent, computed = [], []
    for table, target in zip(tables, targets, strict=True):
        for column in table.mask.columns:
            rule = rules.get(table.label, {}).get(column.name)
            if column.generated or (rule is not None and rule.kind == "default"):
                continue
            there = target.column(column.name)
            if there is None:
                absent.append(column.label)
            elif there.generated:
                computed.append(column.label)
    if absent:
        raise Refused(f"the target has no column {', '.join(map(repr, absent))}", hint=_SCHEMA_HINT)
    if computed:
        raise Refused(
            f"the target computes by itself what the source has values of: {', '.join(map(repr, computed))}",
            hint=_SCHEMA_HINT,
        )


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
