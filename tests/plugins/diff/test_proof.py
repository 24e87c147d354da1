"""The proof: a wrong plan is found, rows are told from structure, nothing is said that was not tried."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from confiture.errors import ProofFailed
from confiture.hooks import API_VERSION, Provider, hookimpl
from confiture.model import Matching, Plan, Statement
from confiture.registry import Registry

pytestmark = pytest.mark.anyio

FORWARD: list[str] = []
BACKWARD: list[str] = []


class GivenDiffer:
    """Says what the test wants it to say: first the way there, then the way back."""

    def __init__(self) -> None:
        self._plans = [FORWARD, BACKWARD]

    async def match(self, ctx, old, new, decisions) -> Matching:
        return Matching()

    async def diff(self, ctx, old, new, options) -> Plan:
        return Plan(statements=tuple(Statement(sql=sql) for sql in self._plans.pop(0)))


class _Plugin:
    API_VERSION = API_VERSION

    @hookimpl
    def confiture_differs(self) -> Iterable[Provider]:
        return [Provider(name="given", target=f"{__name__}:GivenDiffer", summary="the test's")]


@pytest.fixture
def prove(compare, scratch_project):
    """``await prove(old, new, forward, backward)``: the report where these are the plans."""
    registry = Registry()
    registry.register(_Plugin(), "given")
    config = scratch_project.root / "confiture.toml"
    config.write_text(config.read_text() + '\n[diff]\ndiffer = "given"\n')

    async def run(old: str, new: str, forward: list[str], backward: list[str], **request):
        FORWARD[:], BACKWARD[:] = forward, backward
        return await compare(old, new, registry=registry, **request)

    return run


T = "CREATE TABLE t (id int, name text);"


async def test_a_right_plan_is_proved_both_ways(prove):
    """And over rows, since nothing in it minds them."""
    report = await prove(T, T + "CREATE INDEX i ON t (id);", ["CREATE INDEX i ON t (id)"], ["DROP INDEX i"])
    assert report.proof.proved == report.proof.with_rows == ("forward", "backward")
    assert report.proof.rows > 0


async def test_a_plan_that_does_too_little_is_found(prove):
    """The reason of the whole."""
    with pytest.raises(ProofFailed) as caught:
        await prove(T, T + "CREATE INDEX i ON t (id);", ["SELECT 1"], ["SELECT 1"])
    assert "forward: index public.i: is missing" in caught.value.detail


async def test_a_way_back_that_does_not_lead_back_is_found(prove):
    """It is what somebody runs in the night."""
    with pytest.raises(ProofFailed) as caught:
        await prove(T, T + "CREATE INDEX i ON t (id);", ["CREATE INDEX i ON t (id)"], ["SELECT 1"])
    assert "backward: index public.i: should not be there" in caught.value.detail


async def test_force_takes_it_with_what_is_left(prove):
    """What is known is in the report."""
    report = await prove(T, "CREATE TABLE t (id bigint, name text);", ["SELECT 1"], ["SELECT 1"], force=True)
    [left] = report.proof.differences
    assert (left.identity, left.property, left.got, left.expected) == ("public.t.id", "type", "integer", "bigint")


async def test_rows_that_stop_a_statement_are_told_and_the_rest_is_proved(prove):
    """It can fail on data, which is no reason to say that the plan is wrong."""
    report = await prove(
        T,
        "CREATE TABLE t (id int, name text NOT NULL);",
        ["ALTER TABLE t ALTER name SET NOT NULL"],
        ["ALTER TABLE t ALTER name DROP NOT NULL"],
    )
    [failure] = report.proof.failures
    assert (failure.direction, failure.sqlstate) == ("forward", "23502")
    [hazard] = report.hazards
    assert hazard.kind == "fails-on-data"
    assert report.plan.statements[0].hazards == (hazard,)
    assert report.proof.proved == ("forward", "backward")
    assert report.proof.with_rows == ()


async def test_a_statement_that_fails_without_rows_blocks(prove):
    """A wrong statement is not excused."""
    with pytest.raises(ProofFailed) as caught:
        await prove(T, T + "CREATE TABLE u ();", ["CREATE TABLE u (", "x"], ["DROP TABLE u"])
    assert "syntax error" in caught.value.detail


async def test_statements_that_need_no_transaction_around_them_have_none(prove):
    """CREATE INDEX CONCURRENTLY would fail in one."""
    plan = ["CREATE INDEX CONCURRENTLY i ON t (id)"]
    report = await prove(T, T + "CREATE INDEX i ON t (id);", plan, ["DROP INDEX CONCURRENTLY i"])
    assert report.proof.proved == ("forward", "backward")


async def test_the_order_of_columns_is_only_told(prove):
    """PostgreSQL adds columns at the end, and nobody rewrites a table for that."""
    report = await prove(
        T, "CREATE TABLE t (id int, x int, name text);", ["ALTER TABLE t ADD x int"], ["ALTER TABLE t DROP x"]
    )
    assert report.proof.differences == ()
    assert any("public.t" in note for note in report.notes)


async def test_whose_declaration_an_inherited_column_is_is_noted(prove):
    """No statement unsets that a child declares a column itself: it must not stop a plan."""
    parent = "CREATE TABLE p (a int);"
    report = await prove(
        parent + "CREATE TABLE c (a int) INHERITS (p);",
        parent + "CREATE TABLE c () INHERITS (p); CREATE INDEX i ON p (a);",
        ["CREATE INDEX i ON p (a)"],
        ["DROP INDEX i"],
    )
    assert report.proof.proved == ("forward", "backward")
    assert report.proof.differences == ()
    [note] = report.notes
    assert note.endswith(": public.c.a")
