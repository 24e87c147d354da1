"""The page: one file, without a script, and without anything that would have to be fetched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Final

from confiture.cli.units import many, size, span
from confiture_schema_to_schema.history.plots import area, steps_plot, timeline
from confiture_schema_to_schema.history.scales import compact, utc
from confiture_schema_to_schema.history.style import CSS

if TYPE_CHECKING:
    from confiture_schema_to_schema.crossing.state import CrossingRecord
    from confiture_schema_to_schema.history.values import History
    from confiture_schema_to_schema.model import StepTime

__all__ = ["MARK", "page"]

#: What the file begins with: by this a report is known, which may be replaced.
MARK: Final = "<!doctype html>\n<!-- a migration's report, by confiture -->\n"


def page(history: History) -> str:
    """The whole file."""
    status = history.status
    title = escape(f"{status.source} into {status.target}")
    sections = [text for part in (_timeline, _rates, _tables, _lag, _validations) for text in part(history)]
    sections += [text for record in history.crossings for text in _crossing(record)]
    return (
        f'{MARK}<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Migration of {title}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<header>\n"
        f'<h1>Migration of {title}</h1>\n<p class="soft">{escape(_subtitle(history))}</p>\n{_tiles(history)}\n'
        "</header>\n<main>\n" + "\n".join(sections) + "\n</main>\n</body>\n</html>\n"
    )


def _subtitle(history: History) -> str:
    status = history.status
    attempts = f", {status.attempt} attempts" if status.attempt > 1 else ""
    begun = f"begun {utc(status.started)}, " if status.started else ""
    return f"Run {status.run_id}{attempts}, {begun}as of {utc(history.made)}. All times are UTC."


def _tiles(history: History) -> str:
    status, tiles = history.status, list[tuple[str, str, str]]()
    live = {"old": status.source, "new": status.target, None: "not known"}[status.live]
    tiles.append(("Live database", live, f"the {status.live} one" if status.live else "the old one did not answer"))
    of = "" if status.phase == "copied" else f"of some {status.estimated_rows:,}"
    tiles.append(("Rows copied", f"{status.rows:,}", f"{of} {size(status.bytes)}".strip()))
    copied = [each for each in history.spans if each.kind == "copy"]
    if copied:
        seconds = max((copied[0].end - copied[0].start).total_seconds(), 1e-3)
        tiles.append(("Copied in", span(seconds), f"{compact(status.rows / seconds)} rows/s on average"))
    if status.following is not None:
        each = status.following
        tiles.append(("Changes followed", f"{each.entries:,}", f"{many(each.keys, 'row')} read again"))
    if history.lags:
        tiles.append(("Longest lag", span(max(sample.seconds for sample in history.lags)), "as it was sampled"))
    if history.validations:
        last = history.validations[-1]
        tiles.append(("Validation", "equal" if last.clean else "differs", f"{many(last.rows, 'row')} compared"))
    crossed = [record for record in history.crossings if record.outcome == "crossed"]
    if crossed:
        tiles.append((f"Pause of the {crossed[-1].direction}", f"{crossed[-1].paused_s * 1000:,.0f} ms", "for writers"))
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(note)}</small></dd></div>"
        for name, value, note in tiles
    )
    return f"<dl>{rows}</dl>"


def _timeline(history: History) -> Iterator[str]:
    if history.spans:
        start, end = min(each.start for each in history.spans), max(each.end for each in history.spans)
        yield _section("Timeline", timeline(history.spans, start, end))
    if history.status.last_error is not None:
        yield f'<p><span class="bad">The last attempt ended with:</span> {escape(history.status.last_error)}</p>'


def _rates(history: History) -> Iterator[str]:
    if not history.rates:
        return
    start, end = history.rates[0].at, history.rates[-1].at
    rows = [(each.at, each.rows, f"{utc(each.at)}\n{each.rows:,.0f} rows/s") for each in history.rates]
    octets = [(each.at, each.bytes, f"{utc(each.at)}\n{size(each.bytes)}/s") for each in history.rates]
    yield _section("Rate of the copy, rows a second", area([("copy", rows)], start, end, "Rows a second", compact))
    yield _section("Rate of the copy, bytes a second", area([("copy", octets)], start, end, "Bytes a second", size))


def _tables(history: History) -> Iterator[str]:
    if not history.status.tables:
        return
    rows = [
        (each.table, each.source, each.engine, each.state, f"{each.rows:,}", size(each.bytes),
         f"{each.chunks_done:,} of {each.chunks:,}", span(each.seconds))
        for each in history.status.tables
    ]  # fmt: skip
    yield _table(
        "Tables", ("Table", "From", "Engine", "State", "Rows", "Size", "Ranges", "Time of all sessions"), rows, left=4
    )


def _lag(history: History) -> Iterator[str]:
    if not history.lags:
        return
    start, end = history.lags[0].at, history.lags[-1].at
    kinds = {"new": ("follow", "the new database follows"), "old": ("rollback", "the old database follows")}
    keys = "".join(
        f' <span class="key {kind}">■</span> {text}.'
        for to, (kind, text) in kinds.items()
        if any(each.to == to for each in history.lags)
    )
    lag = [
        (kind, [(each.at, each.seconds, f"{utc(each.at)}\n{span(each.seconds)} behind, {many(each.entries, 'change')}")
                for each in history.lags if each.to == to])
        for to, (kind, _) in kinds.items()
    ]  # fmt: skip
    waiting = [
        (kind, [(each.at, float(each.entries), f"{utc(each.at)}\n{many(each.entries, 'change')}")
                for each in history.lags if each.to == to])
        for to, (kind, _) in kinds.items()
    ]  # fmt: skip
    note = f'<p class="soft">The worst of each time:{keys}</p>'
    yield _section("Lag, in seconds", note + area(lag, start, end, "Lag in seconds", lambda s: f"{compact(s)} s"))
    yield _section("Changes that waited", area(waiting, start, end, "Changes that waited", compact))


def _validations(history: History) -> Iterator[str]:
    if history.validations:
        rows = [
            (utc(each.at), "equal" if each.clean else "differs", f"{each.tables:,}", f"{each.rows:,}",
             f"{each.differing:,}", span(each.seconds))
            for each in history.validations
        ]  # fmt: skip
        yield _table("Validation", ("When", "Result", "Tables", "Rows", "Differing", "Time"), rows, left=2)
        last = history.validations[-1]
        tables = [
            (each.table, "equal" if each.clean else "differs", f"{each.source_rows:,}", f"{each.target_rows:,}",
             f"{each.differing:,}", span(each.seconds))
            for each in last.found
        ]  # fmt: skip
        if tables:
            columns = ("Table", "Result", "Rows by the map", "Rows there", "Differing", "Time")
            yield _table(f"Validation of {utc(last.at)}, table by table", columns, tables, left=2)


def _crossing(record: CrossingRecord) -> Iterator[str]:
    side = "new" if record.direction == "cutover" else "old"
    outcome = {"crossed": f"the {side} database took over", "given up": "given up, everything is as it was"}
    said = outcome.get(record.outcome or "", "not ended")
    lines = [
        f"{utc(record.started)}: {said}. Writers waited for {record.paused_s * 1000:,.0f} ms, in "
        f"{many(record.attempts, 'attempt')}. Switch: {record.switch}."
    ]
    if record.direction == "cutover" and record.not_reversible:
        lines.append(f"No way back that keeps later writes: {'; '.join(record.not_reversible)}")
    text = "".join(f"<p>{escape(line)}</p>" for line in lines)
    if pause := _pause(record.steps):
        text += (
            '<p class="soft"><span class="key locked">■</span> writers wait. '
            f'<span class="key free">■</span> everybody goes on.</p><figure>{steps_plot(pause)}</figure>'
        )
    yield f"<section>\n<h2>{escape(record.direction.capitalize())}</h2>\n{text}\n</section>"
    if record.steps:
        rows = [
            (step.name, step.detail, "wait" if step.locked else "", f"{step.seconds * 1000:,.1f}")
            for step in record.steps
        ]
        yield _table(f"Steps of the {record.direction}", ("Step", "", "Writers", "Milliseconds"), rows, left=3)


def _pause(steps: Sequence[StepTime]) -> Sequence[StepTime]:
    """From the first step that writers waited for to the last one: what comes before may take minutes."""
    locked = [number for number, step in enumerate(steps) if step.locked]
    return steps[locked[0] : locked[-1] + 1] if locked else steps


def _section(heading: str, figure: str) -> str:
    note, found, svg = figure.partition("<svg")
    return f"<section>\n<h2>{escape(heading)}</h2>\n{note}<figure>{found}{svg}</figure>\n</section>"


def _table(heading: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> str:
    """``left``: so many columns are names, the others are numbers."""

    def cells(values: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{_class(value, number >= left)}>{escape(value)}</{tag}>" for number, value in enumerate(values)
        )

    body = "\n".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return (
        f'<section>\n<h2>{escape(heading)}</h2>\n<div class="wide"><table>\n<thead><tr>{cells(columns, "th")}</tr>'
        f"</thead>\n<tbody>\n{body}\n</tbody>\n</table></div>\n</section>"
    )


def _class(value: str, is_number: bool) -> str:
    kinds = [*(["n"] if is_number else []), *(["bad"] if value == "differs" else [])]
    return f' class="{" ".join(kinds)}"' if kinds else ""
