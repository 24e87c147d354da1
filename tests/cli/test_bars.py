"""Bars of steps in rows: how far, how fast, how long still; a few of them, and their sum."""

from __future__ import annotations

import re

import pytest

from cli.terminal import GATE, on_terminal
from confiture.cli.steps import Step, short
from confiture.model import Progress


def progress(step: Step, now: float, done: int, total: int | None, bytes_: int = 0) -> Step:
    """The two events that a transfer emits."""
    step.take(Progress(step="t", done=done, total=total, unit="rows"), now)
    step.bytes = bytes_
    return step


def test_rows_have_rates_and_the_time_that_is_left() -> None:
    """From the beginning of the step, which may be before the first rows."""
    step = progress(Step(100.0, "public.users"), 102.0, 1_000_000, 5_000_000, 64_000_000)
    assert step.count == "1.0M/5.0M  500k rows/s  32MB/s  eta 0:08"
    assert not step.elapsed


def test_rates_are_of_the_last_seconds() -> None:
    """A table that came from the cache goes on from the disk: the time that is left is told from now."""
    step = Step(0.0, "t")
    for second in range(1, 21):
        progress(step, float(second), 1_000 * min(second, 10) + 100 * max(second - 10, 0), 12_000)
    assert step.count == "11k/12k  100 rows/s  eta 0:10"


@pytest.mark.parametrize(
    ("done", "total", "expected"),
    [
        (500, None, "500  50 rows/s"),
        (500, 400, "500/400  50 rows/s"),  # the total was an estimate, and wrong
        (0, 100, "0/100  0 rows/s"),
        (10, 400_000, "10/400k  1 rows/s  eta 111:06:30"),
    ],
)
def test_what_is_not_known_is_not_told(done: int, total: int | None, expected: str) -> None:
    """No time that is left from a wrong total, nor from nothing."""
    assert progress(Step(0.0, "t"), 10.0, done, total).count == expected


def test_other_steps_look_as_before() -> None:
    """Statements are counted one by one, and have taken some time."""
    step = Step(0.0, "building")
    assert (step.count, step.elapsed) == ("", True)
    step.take(Progress(step="t", done=3, total=1200), 1.0)
    assert (step.count, step.elapsed) == ("3/1200", True)


def test_a_long_name_keeps_its_end() -> None:
    """Which is the table; the schema is the same for all."""
    step = progress(Step(0.0, "public.a_rather_long_name"), 1.0, 1, 2)
    assert step.shortened(12) == "…r_long_name"
    assert step.shortened(80) == "public.a_rather_long_name"


def test_numbers_are_short() -> None:
    """Five characters at most, so that columns stay."""
    numbers = (0, 999, 999.6, 1000, 9949, 9951, 99_900, 999_600, 1_500_000, 2e12)
    assert [short(number) for number in numbers] == [
        "0", "999", "1.0k", "1.0k", "9.9k", "10k", "100k", "1.0M", "1.5M", "2.0T"
    ]  # fmt: skip


def test_a_few_of_many_have_a_bar_on_a_terminal(cli) -> None:
    """With 80 columns, each on one line; the sum began first and stays; who waits comes when one ends."""
    (cli.folder / "confiture.toml").touch()
    cli.command(
        "many",
        GATE
        + """
    from confiture.model import StepStarted, Progress, StepFinished

    async def command(*, common: CommonParam = None, shell: ShellParam):
        async with shell.run(common) as run:
            steps = ["sum", *(f"a.quite_long_schema.and_its_table_{n}" for n in range(9))]
            for step in steps:
                run.emit(StepStarted(step=step, label=step))
            for done in range(1, 11):
                for step in steps:
                    run.emit(Progress(step=step, done=done * 100_000, total=1_000_000, unit="rows"))
                    run.emit(Progress(step=f"{step}.bytes", done=done * 150_000_000, unit="bytes"))
                if done == 8:
                    gate(0)
                elif done == 9:
                    gate(1)
                    run.emit(StepFinished(step=steps[1], seconds=1))
                    run.emit(StepFinished(step=steps[2], seconds=1))
                    gate(2)
                time.sleep(0.02)
        print("done")
        """,
    )
    shown = on_terminal(cli, "many", lines=24, NO_COLOR="1", gates=["800k/1.0M", "900k/1.0M", "its_table_7"])
    assert shown.endswith("done\r\n")
    drawn = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in re.split(r"[\r\n]+", shown)]
    assert max(len(line) for line in drawn) <= 80
    assert any(re.match(r"sum [━╸╺ ]+ [0-9]00k/1\.0M  \S+ rows/s  \S+B/s  eta 0:0[0-9]", line) for line in drawn)
    text = "\n".join(drawn)
    before, _, after = text.partition("900k/1.0M")
    assert "its_table_5" in before
    assert "its_table_6" not in before
    assert "its_table_7" in after
    assert "its_table_8" not in text
