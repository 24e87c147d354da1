"""The report of a migration as a page: what it shows of days and of milliseconds, and what it does not run."""

from __future__ import annotations

import datetime as dt
import re
import xml.etree.ElementTree as ET

import msgspec
import pytest

from confiture_schema_to_schema.crossing.state import CrossingRecord
from confiture_schema_to_schema.history.page import MARK, page
from confiture_schema_to_schema.history.scales import NumberScale, TimeScale, compact
from confiture_schema_to_schema.history.values import History, LagSample, RateSample, Span
from confiture_schema_to_schema.model import FollowStatus, StatusReport, StepTime, TableStatus
from confiture_schema_to_schema.validating.recording import Compared, Validation

DAY = dt.datetime(2026, 3, 2, 8, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
ODD = 'a"b<script>alert(1)</script>&'
STEPS = (
    StepTime(name="gate", seconds=0.4),
    StepTime(name="catch-up", seconds=95.0, detail="the last batch took 0.021 s"),
    StepTime(name="lock", seconds=0.012, locked=True),
    StepTime(name="drain", seconds=0.180, locked=True),
    StepTime(name="fence", seconds=0.034, locked=True),
    StepTime(name="complete", seconds=2.0),
)
CROSSING = CrossingRecord(
    run_id="r1", number=1, direction="cutover", seq=1, step="done", switch="pgbouncer", command=None, old="o", new="n",
    old_name="shop", new_name="shop_new", capture="triggers", capture_name="c", back_name=None,
    not_reversible=(f"{ODD} is dropped",), steps=STEPS, paused_s=0.226, attempts=2, outcome="crossed",
    started=DAY + 100 * HOUR, finished=DAY + 100 * HOUR + dt.timedelta(seconds=98),
)  # fmt: skip
FOUND = Compared(
    table="sales.orders", clean=False, source_rows=2_999_999, target_rows=3_000_000, differing=1, seconds=3599.0
)
HISTORY = History(
    status=StatusReport(
        source="production", target=ODD, phase="copied", run_id="r1", started=DAY, rows=3_000_000, bytes=900_000_000,
        finished=DAY + 9 * HOUR, live="new", following=FollowStatus(capture="triggers", entries=12_345, keys=9_876),
        tables=(TableStatus(table=f"public.{ODD}", source="public.users", engine="copy", state="indexed",
                            rows=3_000_000, estimated_rows=3_000_000, bytes=900_000_000, chunks_done=40, chunks=40,
                            seconds=14_000.0),),
    ),
    made=DAY + 200 * HOUR,
    spans=(
        Span(lane="Copy", kind="copy", label="rows are copied", start=DAY, end=DAY + 7 * HOUR),
        Span(lane="Indexes and keys", kind="index", label="indexes", start=DAY + 7 * HOUR, end=DAY + 9 * HOUR),
        Span(lane="Follow", kind="follow", label="the new follows", start=DAY + 9 * HOUR, end=DAY + 100 * HOUR),
        Span(lane="Validate", kind="validate", label="equal", start=DAY + 30 * HOUR, end=DAY + 31 * HOUR),
        Span(lane="Cutover", kind="cutover", label="crossed", start=CROSSING.started, end=CROSSING.finished),
    ),
    rates=tuple(RateSample(at=DAY + n * HOUR / 8, rows=100.0 + n * 3 % 40, bytes=30e3 + n * 700) for n in range(56)),
    lags=tuple(LagSample(at=DAY + (9 + n / 2) * HOUR, seconds=0.4 + n % 7 / 5, entries=n * 13 % 99) for n in range(180))
    + tuple(LagSample(at=DAY + (100 + n) * HOUR, seconds=0.2, entries=3, to="old") for n in range(40)),
    validations=(Validation(run_id="r1", digest="", clean=True, tables=1, rows=3_000_000, differing=0, seconds=3600.0,
                            at=DAY + 31 * HOUR,
                            found=(FOUND,)),),
    crossings=(CROSSING,),
)  # fmt: skip


def svgs(text: str) -> list[ET.Element]:
    """The plots, parsed: as XML they are well-formed, or this fails."""
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


def test_everything_is_in_it_and_nothing_of_it_runs() -> None:
    """Names of databases and tables are text, whatever they are."""
    text = page(HISTORY)
    assert text.startswith(MARK)
    assert "<script" not in text
    assert re.search(r"sales\.orders</td><td class=\"bad\">differs</td><td class=\"n\">2,999,999</td>.*3,000,000", text)
    assert "http" not in text
    for words in ("226 ms", "writers", "3,000,000", "2026-03-02 08:00:00", "40 of 40", "r1", "2 attempts", "pgbouncer"):
        assert words in text
    assert [svg.get("aria-label") for svg in svgs(text)] == [
        "Phases of the migration over time",
        "Rows a second",
        "Bytes a second",
        "Lag in seconds",
        "Changes that waited",
        "Steps and their milliseconds",
    ]


def test_each_bar_is_where_its_time_is() -> None:
    """To scale; what took seconds among days is seen all the same. Nothing is drawn beside the plot."""
    phases, *_, steps = svgs(page(HISTORY))
    bars = {bar.get("class"): bar for bar in phases.iter("rect")}
    assert float(bars["bar copy"].get("width")) * 2 == pytest.approx(float(bars["bar index"].get("width")) * 7, abs=0.5)
    assert float(bars["bar cutover"].get("width")) >= 3
    for bar in bars.values():
        assert 0 <= float(bar.get("x")) <= float(bar.get("x")) + float(bar.get("width")) <= 710.1
    # Minutes before the pause are in the table; the plot is of the pause.
    assert [bar.get("class") for bar in steps.iter("rect")] == ["bar locked"] * 3
    widths = [float(bar.get("width")) for bar in steps.iter("rect")]
    assert widths[1] == pytest.approx(15 * widths[0], rel=0.02)
    assert "95,000.0" in page(HISTORY)


def test_of_a_migration_that_has_just_begun() -> None:
    """There is little to show, and that is shown."""
    status = StatusReport(source="a", target="b", phase="copying", run_id="r", last_error="it was <cut>")
    text = page(History(status=status, made=DAY))
    assert svgs(text) == []
    assert "it was &lt;cut&gt;" in text
    one = msgspec.structs.replace(HISTORY, rates=HISTORY.rates[:1], lags=HISTORY.lags[:1], spans=HISTORY.spans[:1])
    assert len(svgs(page(one))) == 6


@pytest.mark.parametrize(("most", "top"), [(0.0, 0.001), (3.2, 4), (97, 100), (1000, 1000), (1001, 1250)])
def test_axes_end_at_a_round_number(most: float, top: float) -> None:
    """Above the highest value, and not far."""
    scale = NumberScale.of(most, 100)
    assert scale.top == pytest.approx(top)
    assert list(scale.ticks())[-1] == pytest.approx(top)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.02, ["00.000", "00.005", "00.010", "00.015", "00.020"]),
        (50, ["08:00:00", "08:00:10", "08:00:20", "08:00:30", "08:00:40", "08:00:50"]),
        (7200, ["08:00", "08:30", "09:00", "09:30", "10:00"]),
        (5 * 86400, ["Mar 3", "Mar 4", "Mar 5", "Mar 6", "Mar 7"]),
    ],
)
def test_axes_of_time_have_round_times(seconds: float, expected: list[str]) -> None:
    """From milliseconds to weeks."""
    scale = TimeScale(start=DAY, end=DAY + dt.timedelta(seconds=seconds), length=100)
    assert [text for _, text in scale.ticks()] == expected


def test_numbers_of_an_axis_are_short() -> None:
    """They have little room."""
    assert [compact(number) for number in (0, 0.25, 7, 999, 1500, 2e6)] == ["0", "0.25", "7", "999", "1.5 k", "2.0 M"]
