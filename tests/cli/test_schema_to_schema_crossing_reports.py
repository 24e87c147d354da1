"""What people are shown of following, cutovers, rollbacks and the end of it, by reports that were made by hand."""

from __future__ import annotations

import msgspec
import pytest

from confiture_schema_to_schema.commands.rendering.cleaned import cleaned_lines
from confiture_schema_to_schema.commands.rendering.crossed import crossed_lines, settled_lines
from confiture_schema_to_schema.commands.rendering.followed import followed_lines
from confiture_schema_to_schema.commands.rendering.status import progress_line, status_lines
from confiture_schema_to_schema.model import (
    CleanupReport,
    CrossingStatus,
    CutoverReport,
    FollowReport,
    FollowStatus,
    LostTable,
    StatusReport,
    StepTime,
)

BETWEEN = {"source": "production", "target": "production_new"}
STEPS = (StepTime(name="gate", seconds=0.4), StepTime(name="drain", seconds=0.18, locked=True, detail="3 changes"))
CROSSED = CutoverReport(**BETWEEN, run_id="r", live="new", steps=STEPS, paused_seconds=0.226, attempts=2)
FOLLOWING = FollowStatus(
    capture="triggers", running=True, entries=12_345, lag_seconds=0.5, backlog_entries=20, backlog_bytes=1500,
    longest_lag_s=1.75,
)  # fmt: skip
STATUS = StatusReport(**BETWEEN, phase="copied", run_id="r7", strategy="fdw", rows=600, following=FOLLOWING)
CUT = CrossingStatus(direction="cutover", outcome=None, step="lock", paused_seconds=0.226, steps=STEPS)


def crossed(report: CutoverReport, phase: str = "cutover") -> str:
    return "\n".join(" ".join(line.split()) for line in crossed_lines(report, phase, lambda next_: f"<{next_}>"))


def test_a_cutover_says_who_is_live_and_what_to_do_next() -> None:
    """With the milliseconds that writers waited, and those of each step."""
    text = crossed(CROSSED)
    assert text.startswith(
        "production_new is the live database now, the new one\nwriters waited for 226 ms, in 2 attempts"
    )
    assert "gate 400 ms\ndrain 180 ms writers wait; 3 changes" in text
    assert "point your applications at production_new" in text
    assert "to go back: <rollback>" in text
    assert "point your" not in crossed(msgspec.structs.replace(CROSSED, switch="pgbouncer"))
    gone = crossed(msgspec.structs.replace(CROSSED, reversible=False, not_reversible=("users.age is dropped",)))
    assert "to go back: <rollback> it would lose what is written from now on" in gone.replace("\n", " ")
    assert gone.index("users.age is dropped") > gone.index("and asks first:")
    assert "<follow>" not in gone


def test_a_cutover_that_was_not_reached_changed_nothing() -> None:
    """And says how to try again."""
    text = crossed(msgspec.structs.replace(CROSSED, live="old", exit_code=9))
    assert "not reached in time: production is the live database still, as it was before" in text
    assert "<cutover>" in text
    assert "<follow>" not in text
    assert "until somebody follows again: <follow>" in crossed(
        msgspec.structs.replace(CROSSED, live="old", exit_code=9, took_over=True)
    ).replace("\n", " ")
    assert "point your applications" not in text


def test_a_rollback_leads_back() -> None:
    """To the old one; there is no way back from it to be told of."""
    text = crossed(msgspec.structs.replace(CROSSED, live="old"), "rollback")
    assert text.startswith("production is the live database now, the old one")
    assert "<rollback>" not in text
    assert text.endswith("<cutover>")


def test_one_that_was_cut_says_how_it_goes_on() -> None:
    """By what is live now."""
    text = "\n".join(settled_lines(CROSSED, "cutover", "<{}>".format))
    assert text.splitlines()[-2:] == [
        "to bring what changes there to production: <follow>",
        "to make production the live database again: <rollback>",
    ]
    text = "\n".join(settled_lines(msgspec.structs.replace(CROSSED, live="old"), "cutover", "<{}>".format))
    assert "was not decided, and is taken back: production is the live database" in " ".join(text.split())
    assert text.endswith("to make production_new the live database: <cutover>")


def test_what_was_followed() -> None:
    """Each end has its words."""
    report = FollowReport(**BETWEEN, run_id="r", ended="caught up", batches=1, entries=7, keys=5, longest_lag_s=1.5)
    text = " ".join(" ".join(followed_lines(report, "<{}>".format)).split())
    assert "production_new has all that was there: 7 changes of production" in text
    assert "in 1 batch never further behind than 1.50 s" in text
    assert text.endswith("<cutover>")
    back = msgspec.structs.replace(report, live="new")
    assert " ".join(followed_lines(back, "<{}>".format)).endswith("the old database the live one again: <rollback>")
    over = msgspec.structs.replace(report, ended="taken over by a cutover")
    assert "<cutover>" not in " ".join(followed_lines(over, "<{}>".format))
    over = msgspec.structs.replace(over, live="new")
    assert " ".join(followed_lines(over, "<{}>".format)).startswith("a rollback has taken over")


def test_the_status_says_how_far_behind_it_is() -> None:
    """In changes, bytes and seconds, and whether anybody follows."""
    text = " ".join(" ".join(status_lines(STATUS, "<{}>".format)).split())
    assert "0.50 s behind: 20 changes, 1.5 kB of log; 12,345 changes brought to production_new" in text
    assert progress_line(STATUS).endswith("0.50 s behind: 20 changes, 1.5 kB of log")
    held = msgspec.structs.replace(FOLLOWING, last_error="they wait for 'psql'")
    text = " ".join(" ".join(status_lines(msgspec.structs.replace(STATUS, following=held), "<{}>".format)).split())
    assert "brought to production_new, never further behind than 1.75 s they wait for 'psql'" in text
    alone = msgspec.structs.replace(FOLLOWING, running=False, backlog_entries=0, last_error="it was cut")
    text = " ".join(" ".join(status_lines(msgspec.structs.replace(STATUS, following=alone), "<{}>".format)).split())
    assert "nobody follows, and what changes is logged; 12,345 changes brought to production_new" in text
    assert "to follow: <follow>" in text
    assert "following ended with: it was cut" in text
    away = msgspec.structs.replace(STATUS, following=alone, live=None)
    text = " ".join(" ".join(status_lines(away, "<{}>".format)).split())
    assert "what waits is not known; nobody follows" in text
    lost = (LostTable(table="public.a", changes=0), LostTable(table="public.b", changes=2), LostTable(table="public.c"))
    text = " ".join(" ".join(status_lines(msgspec.structs.replace(STATUS, losses=lost), "<{}>".format)).split())
    assert "a rollback would lose 2 changes of public.b, what was not counted of public.c: nothing leads back" in text
    begun = msgspec.structs.replace(STATUS, following=alone, running=True)
    text = " ".join(status_lines(begun, "<{}>".format))
    assert ("a cutover, a rollback or a cleanup is at work" in text, "<follow>" in text) == (True, False)


@pytest.mark.parametrize(
    ("changes", "live", "state", "live_line"),
    [
        ({}, "old", "cut at lock", "production is the live database, the old one"),
        ({"running": True}, "old", "under way, lock", "production is the live database, the old one"),
        ({"outcome": "crossed"}, "new", "done", "production_new is the live database, the new one"),
        ({"outcome": "given up"}, "old", "given up, everything is as it was", "production is the live"),
        ({}, None, "cut at lock", "which side is live is not known: production cannot be asked"),
    ],
)
def test_the_status_says_which_side_is_live(
    changes: dict[str, object], live: str | None, state: str, live_line: str
) -> None:
    """At each moment of a cutover; one that was cut is to be ended."""
    crossing = msgspec.structs.replace(CUT, **changes)
    report = msgspec.structs.replace(STATUS, crossings=(crossing,), live=live)
    lines = [" ".join(line.split()) for line in status_lines(report, "<{}>".format)]
    assert f"cutover: {state}; writers waited for 226 ms" in lines
    assert any(line.startswith(live_line) for line in lines)
    assert "drain 180 ms writers wait; 3 changes" in lines
    assert ("to go on: <resume>" in lines) == (state == "cut at lock")


def test_what_was_removed_and_what_remains() -> None:
    """Each by its name."""
    report = CleanupReport(**BETWEEN, removed=("production: trigger x",), remaining=("production: database shop",))
    assert list(cleaned_lines(report)) == [
        "removed 1 object:",
        "    production: trigger x",
        "what remains:",
        "    production: database shop",
    ]
    dropped = CleanupReport(**BETWEEN, dropped="shop")
    assert list(cleaned_lines(dropped)) == ["there was nothing to remove", "dropped the database shop"]


def test_what_becomes_of_the_other_database() -> None:
    """It takes writes again, whichever it is; how it is dropped is said, and not done."""
    names = {"old_database": "My shop", "new_database": "shop_new"}
    text = " ".join(" ".join(cleaned_lines(CleanupReport(**BETWEEN, **names, live="new"))).split())
    assert "'My shop' (production), is there still, and takes writes again" in text
    assert text.endswith('DROP DATABASE "My shop"')
    text = " ".join(" ".join(cleaned_lines(CleanupReport(**BETWEEN, **names, live="old"))).split())
    assert "production is the live database, as before" in text
    assert text.endswith('DROP DATABASE "shop_new"')
