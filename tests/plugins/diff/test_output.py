"""What a person is told of a plan."""

from __future__ import annotations

import pytest

from confiture_diff.render import as_sql, as_text

pytestmark = pytest.mark.anyio

OLD = "CREATE TABLE t (id int, name text);"


async def test_a_lock_that_is_gone_at_once_is_no_hazard_for_people(compare):
    """A list of warnings about nothing hides the one that matters; policies still see it."""
    report = await compare(OLD, "CREATE TABLE t (id int, name text, bio text);", prove=False)
    [statement] = report.plan.statements
    assert [hazard.kind for hazard in statement.hazards] == ["access-exclusive-lock"]
    assert report.hazards == ()
    assert "    locks public.t (ACCESS EXCLUSIVE), for a moment" in list(as_text(report))
    assert "access-exclusive-lock" not in as_sql(report.plan) + "\n".join(as_text(report))


async def test_a_lock_for_as_long_as_a_rewrite_is_told(compare):
    """Nobody can use the table meanwhile: that is what a person must know."""
    report = await compare(OLD, "CREATE TABLE t (id bigint, name text);", prove=False)
    assert [hazard.kind for hazard in report.hazards] == ["table-rewrite", "access-exclusive-lock"]
    text = "\n".join(as_text(report))
    assert "for a moment" not in text
    assert "access-exclusive-lock" in text
    assert "-- access-exclusive-lock" in as_sql(report.plan)


async def test_nothing_is_said_twice(compare):
    """The hazard already says that no transaction runs it."""
    report = await compare(OLD, OLD + "CREATE INDEX i ON t (id);", prove=False)
    about = [line for line in as_text(report) if line.startswith("    ")]
    assert sum("transaction" in line for line in about) == 1
