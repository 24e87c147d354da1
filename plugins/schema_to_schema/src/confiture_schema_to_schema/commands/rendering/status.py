"""How far a migration is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from confiture.cli.units import many, size, span
from confiture_schema_to_schema.commands.rendering.crossed import milliseconds, step_lines
from confiture_schema_to_schema.commands.rendering.lines import INDENT, aligned, between, filled
from confiture_schema_to_schema.model import CrossingStatus, FollowStatus, LostTable, StatusReport, TableStatus

__all__ = ["progress_line", "status_lines"]

#: What is at work is shown first where not all fits.
_ORDER = {"copying": 0, "copied": 1, "waiting": 2, "indexed": 3}


def status_lines(report: StatusReport, again: Callable[[str], str], *, most: int | None = None) -> list[str]:
    """The report in lines, ``most`` of them at most. ``again`` gives the command of a phase."""
    if report.phase == "none":
        return filled(f"no migration into {report.target} was begun")
    lines = [*_head(report, again), *_after(report, again), ""]
    tables: Sequence[TableStatus] = report.tables
    room = len(tables) if most is None else max(most - len(lines) - 2, 1)
    if len(tables) > room:
        tables = sorted(tables, key=lambda table: _ORDER[table.state])[:room]
    lines += aligned(("table", "engine", "state", "rows", "of", "rows/s", "left"), [_row(t) for t in tables], left=3)
    if len(report.tables) > len(tables):
        lines.append(f"and {many(len(report.tables) - len(tables), 'table')} more")
    return lines


def progress_line(report: StatusReport) -> str:
    """The same in one line, for a log."""
    if report.phase == "none":
        return f"no migration into {report.target} was begun"
    done = sum(table.state in ("copied", "indexed") for table in report.tables)
    parts = [f"{_state(report)}: {_amount(report)}", f"{done} of {many(len(report.tables), 'table')}"]
    if report.following is not None and report.phase == "copied":
        parts.append(_lag(report.following) if report.following.running else "nobody follows")
    if report.crossings:
        parts.append(_crossing(report.crossings[-1]))
    return ", ".join([*parts, *_rates(report)])


def _head(report: StatusReport, again: Callable[[str], str]) -> Iterator[str]:
    attempt = f", attempt {report.attempt}" if report.attempt > 1 else ""
    yield from filled(
        f"from {report.source} into {report.target}: {_state(report)} (run {report.run_id}, {report.strategy}{attempt})"
    )
    yield "; ".join((f"{_amount(report)}, {size(report.bytes)}", *_rates(report)))
    if report.last_error is not None:
        yield from filled(f"the last attempt ended with: {report.last_error}")
    cut = any(each.outcome is None and not each.running for each in report.crossings)
    if cut or (not report.running and report.phase != "copied"):
        yield f"to go on: {again('resume')}"


def _after(report: StatusReport, again: Callable[[str], str]) -> Iterator[str]:
    """Which side is live, how far behind the other one is, and what cutovers there were."""
    if report.crossings:
        name = {"old": report.source, "new": report.target, None: ""}[report.live]
        yield (
            f"{name} is the live database, the {report.live} one"
            if name
            else (f"which side is live is not known: {report.source} cannot be asked")
        )
    if report.following is not None:
        yield from _follow_lines(report, report.following, again)
    yield from _losses(report.losses)
    for crossing in report.crossings:
        yield from filled(
            f"{crossing.direction}: {_crossing(crossing)}; writers waited for {milliseconds(crossing.paused_seconds)}"
        )
    if report.crossings:
        for line in step_lines(report.crossings[-1].steps):
            yield INDENT + line


def _losses(losses: Sequence[LostTable]) -> Iterator[str]:
    """What does not come back, where something was written there."""
    told = [
        f"{'what was not counted' if each.changes is None else many(each.changes, 'change')} of {each.table}"
        for each in losses
        if each.changes != 0
    ]
    if told:
        yield from filled(f"a rollback would lose {', '.join(told)}: nothing leads back from there")


def _follow_lines(report: StatusReport, following: FollowStatus, again: Callable[[str], str]) -> Iterator[str]:
    there = report.source if report.live == "new" else report.target
    done = f"{many(following.entries, 'change')} brought to {there}"
    if following.entries:
        done += f", never further behind than {span(following.longest_lag_s)}"
    if following.running:
        yield from filled(f"{_lag(following)}; {done}")
    elif report.phase == "copied" and report.running:
        if not any(each.running for each in report.crossings):
            yield "a cutover, a rollback or a cleanup is at work"
    elif report.phase != "copied" and following.backlog_entries:
        waits = "waits" if following.backlog_entries == 1 else "wait"
        log = size(following.backlog_bytes)
        yield f"{many(following.backlog_entries, 'change')} {waits} for the end of the copy, {log} of log"
    elif report.phase == "copied":
        waits = _lag(following) if report.live is not None else "what waits is not known"
        yield from filled(f"{waits}; nobody follows, and what changes is logged; {done}")
    if following.last_error is not None:
        ended = "" if following.running else "following ended with: "
        yield from filled(f"{ended}{following.last_error}")
    if report.phase == "copied" and not report.running and all(each.outcome for each in report.crossings):
        yield f"to follow: {again('follow')}"


def _lag(following: FollowStatus) -> str:
    if not following.backlog_entries:
        # The server keeps a log of others' changes, too, until somebody follows.
        return f"nothing waits, {size(following.backlog_bytes)} of log" if following.backlog_bytes else "nothing waits"
    return (
        f"{span(following.lag_seconds)} behind: {many(following.backlog_entries, 'change')}, "
        f"{size(following.backlog_bytes)} of log"
    )


def _crossing(crossing: CrossingStatus) -> str:
    if crossing.outcome is not None:
        return {"crossed": "done", "given up": "given up, everything is as it was"}[crossing.outcome]
    return f"under way, {crossing.step}" if crossing.running else f"cut at {crossing.step}"


def _state(report: StatusReport) -> str:
    """``copying``, ``copying, paused``, ``copying, waits for ...``, ``copying, nobody is at work``."""
    if report.phase == "copied":
        return "copied, followed" if report.following is not None and report.following.running else "copied"
    if report.paused:
        return f"{report.phase}, paused" + ("" if report.running else "; nobody is at work")
    if not report.running:
        return f"{report.phase}, nobody is at work"
    return f"{report.phase}, waits for {report.waiting_for}" if report.waiting_for else report.phase


def _amount(report: StatusReport) -> str:
    if report.phase == "copied":
        return many(report.rows, "row")
    share = f" ({min(report.rows * 100 // report.estimated_rows, 100)} %)" if report.estimated_rows else ""
    return f"{report.rows:,} of some {many(report.estimated_rows, 'row')}{share}"


def _rates(report: StatusReport) -> Iterator[str]:
    if report.phase == "copied":
        return
    if report.rows_per_second:
        yield f"{report.rows_per_second:,.0f} rows/s"
    if report.bytes_per_second:
        yield f"{size(report.bytes_per_second)}/s"
    if report.eta_seconds is not None:
        yield f"{span(report.eta_seconds)} left"


def _row(table: TableStatus) -> tuple[str, ...]:
    rate = table.rows / table.seconds if table.seconds > 0 else 0.0
    left = max(table.estimated_rows - table.rows, 0)
    return (
        between(table.source, table.table),
        table.engine,
        table.state,
        f"{table.rows:,}",
        f"~{table.estimated_rows:,}",
        f"{rate:,.0f}" if rate else "",
        span(left / rate) if rate and left and table.state == "copying" else "",
    )
