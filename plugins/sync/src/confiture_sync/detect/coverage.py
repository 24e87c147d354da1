"""Every column of a table that is copied is masked, kept with a reason, or does not look personal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from confiture.errors import Refused
from confiture.hooks import ANONYMIZER
from confiture.masking import MaskColumn, MaskTable, Rule, compile_masks
from confiture_sync.detect.defaults import default_rule, shown_rule
from confiture_sync.detect.judging import Personal, find_personal
from confiture_sync.detect.listing import differences, read_listing, types_of
from confiture_sync.model import Finding
from confiture_sync.values import Catalog, Job, Selected, SyncTable

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["check_coverage", "findings_of", "with_linked"]

_Rules = Mapping[str, Mapping[str, Rule]]
_Personal = Mapping[str, Mapping[str, Personal]]


async def check_coverage(
    ctx: Context, job: Job, catalog: Catalog, selected: Selected, rules: Mapping[str, Mapping[str, Rule]]
) -> Sequence[Finding]:
    """What looks personal, and what becomes of it. Raises ``Refused`` for what nobody has decided about.

    That lists all of it: columns without a rule, templates that put one of them into another column, and columns that
    the coverage file, if there is one, does not know as they are.
    """
    if not job.request.mask:
        return ()
    decided = {label: set(columns) for label, columns in rules.items()}
    shown = job.file.coverage
    listed = read_listing(ctx.project.root / shown, shown)
    async with job.snapshot.session() as connection:
        found = await find_personal(connection, selected.tables, decided=decided)
        types = {} if listed is None else await types_of(connection, selected.tables)
    personal = with_linked(selected.tables, found)
    findings = findings_of(selected.tables, personal, rules)
    lines = _open(ctx, catalog, personal, findings)
    lines += _passed(ctx, job, selected.tables, personal, rules)
    drift = differences(listed, types) if listed is not None else ()
    if not lines and not drift:
        return findings
    hints = []
    if lines:
        where = job.file.shown or "db/sync_config.yaml"
        begin = "" if job.file.shown else "; `confiture sync init` writes a first file"
        hints.append(
            f"write a rule for each under 'anonymize' in {where}, or keep it with a reason: "
            f'{{keep: "why it may leave as it is"}}{begin}'
        )
    if drift:
        hints.append(f"look at what changed, then: confiture sync init --from {job.request.source} --accept")
        lines += [f"{line} [{shown}]" for line in drift]
    names = ", ".join(dict.fromkeys(line.partition(": ")[0] for line in lines))
    raise Refused(
        f"before a row is copied, somebody has to decide about: {names}",
        hint="; ".join(hints),
        detail="\n".join(lines),
    )


def with_linked(tables: Sequence[SyncTable], found: _Personal) -> _Personal:
    """Columns that foreign keys bind to a personal one hold the same values: they are personal too."""
    by_domain: dict[str, Personal] = {}
    for table in tables:
        for column in table.mask.columns:
            personal = found.get(table.label, {}).get(column.name)
            if personal is not None and column.is_linked:
                by_domain.setdefault(column.domain, personal)
    linked = {}
    for table in tables:
        own = dict(found.get(table.label, {}))
        for column in table.mask.columns:
            if column.is_linked and column.domain in by_domain:
                own.setdefault(column.name, by_domain[column.domain])
        linked[table.label] = own
    return linked


def findings_of(tables: Sequence[SyncTable], personal: _Personal, rules: _Rules) -> tuple[Finding, ...]:
    """The columns that look personal, and what the rules make of them. Generated ones are not copied."""
    found = []
    for table in sorted(tables, key=lambda table: table.label):
        for column in table.mask.columns:
            looks = personal[table.label].get(column.name)
            if looks is None or column.generated:
                continue
            rule = rules.get(table.label, {}).get(column.name)
            kept = rule is not None and rule.kind == "keep"
            found.append(
                Finding(
                    column=column.label,
                    what=looks.what,
                    because=looks.because,
                    state="open" if rule is None else "kept" if kept else "masked",
                    reason=rule.reason if rule is not None else None,
                )
            )
    return tuple(found)


def _open(ctx: Context, catalog: Catalog, personal: _Personal, findings: Sequence[Finding]) -> list[str]:
    """One line a column: what it looks like, why, and a rule that fits."""
    states = {finding.column: finding for finding in findings if finding.state == "open"}
    lines = []
    for label, columns in personal.items():
        table = catalog.tables[label].mask
        for name, looks in columns.items():
            column = table.column(name)
            assert column is not None
            if column.label not in states:
                continue
            line = f"{column.label}: looks like {looks.what} (by its {', '.join(looks.because)})"
            lines.append(line + _suggested(ctx, table, column, looks))
    return sorted(lines)


def _suggested(ctx: Context, table: MaskTable, column: MaskColumn, looks: Personal) -> str:
    if column.references is not None:
        return "; it takes over the rule of " + ".".join(column.references)
    works, value = default_rule(lambda kind: ctx.get(ANONYMIZER, kind), table, column, looks.what, within=looks.within)
    return f"; for example {shown_rule(value)}" if works else ""


def _passed(ctx: Context, job: Job, tables: Sequence[SyncTable], personal: _Personal, rules: _Rules) -> list[str]:
    """Templates with a personal column that has no rule: it would leave within another one."""
    lines = []
    for table in tables:
        own = rules.get(table.label, {})
        if not own:
            continue
        masked = compile_masks(lambda kind: ctx.get(ANONYMIZER, kind), table.mask, own, job.key, check=False)
        for name, others in masked.passes.items():
            for other in others:
                looks = personal[table.label].get(other)
                if looks is not None:
                    lines.append(
                        f"{table.label}.{name}: its rule has {{{other}}} in it, which has no rule and looks like "
                        f"{looks.what}"
                    )
    return lines
