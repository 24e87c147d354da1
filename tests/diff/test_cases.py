"""Plans between two states, one small change a case: psql runs them, pg_dump and the rows judge them."""

from __future__ import annotations

from pathlib import Path

import pytest

from confiture.errors import Refused
from diff import judge
from diff.case import CASES, Expectation, read_case
from diff.databases import Databases
from diff.pairs import Pair
from diff.planner import Planned, Planner, Side

pytestmark = pytest.mark.anyio

NAMES = sorted(str(file.parent.relative_to(CASES)) for file in CASES.glob("*/*/old.sql"))
KINDS = sorted({name.partition("/")[0] for name in NAMES})
#: Many cases of a kind begin with the same objects: a third of them has all; and whatever was noise once.
WRITTEN_ANEW = [
    name
    for kind in KINDS
    for at, name in enumerate(name for name in NAMES if name.startswith(f"{kind}/"))
    if at % 3 == 0 or kind in ("convergence", "whole")
]


@pytest.fixture
def pair(request: pytest.FixtureRequest, databases: Databases, pairs: dict[str, Pair], worker_id: str) -> Pair:
    name = request.getfixturevalue("name")
    if name not in pairs:
        for other in pairs.values():
            other.close()
        pairs.clear()
        pairs[name] = Pair(databases, read_case(name), f"case_{worker_id}")
    return pairs[name]


def test_there_are_enough_cases() -> None:
    assert len(NAMES) >= 250


@pytest.mark.parametrize("direction", ["forward", "backwards"])
@pytest.mark.parametrize("name", NAMES)
async def test_the_plan_leads_there(
    name: str, direction: str, pair: Pair, tool: Planner, databases: Databases, tmp_path: Path
) -> None:
    case = pair.case
    old, new = (pair.old, pair.new) if direction == "forward" else (pair.new, pair.old)
    expected = case.forward if direction == "forward" else case.backwards
    before, want = pair.dump(old), pair.dump(new)
    assert (before == want) == case.equal, "the case does not say what it seems to"
    if expected.refused is not None:
        with pytest.raises(Refused) as refusal:
            await tool.plan(old, new, renames=expected.renames, drops=expected.drops)
        assert expected.refused in refusal.value.message
        return
    planned = await tool.plan(old, new, renames=expected.renames, drops=expected.drops)
    if case.equal:
        assert planned.sql == ""
        return
    _check_statements(planned, expected)
    database = pair.use(old)
    _run(databases, database, expected.before, tmp_path / "before.sql")
    rows = databases.counts(database) if expected.before else {}
    _run(databases, database, planned.sql, tmp_path / "plan.sql")
    assert judge.explain(databases.dump(database), want) == "", planned.sql
    left = databases.counts(database) if rows else {}
    assert {table: left[table] for table in rows if table in left} == {t: rows[t] for t in rows if t in left}
    for check in expected.rows:
        wanted = [[None if value == "@null" else value for value in row] for row in check.expected]
        assert databases.ask(database, check.query) == wanted, planned.sql


@pytest.mark.parametrize("name", WRITTEN_ANEW)
async def test_a_dump_of_a_schema_is_that_schema(name: str, pair: Pair, tool: Planner, tmp_path: Path) -> None:
    """The same schema, written by another hand: what never converges shows here."""
    dump = tmp_path / "dump.sql"
    dump.write_text(pair.script(pair.old))
    planned = await tool.plan(pair.old, Side(dump, pair.old.database))
    assert planned.sql == ""


def _check_statements(planned: Planned, expected: Expectation) -> None:
    assert planned.sql, "no change is seen"
    lines = [line for line in planned.sql.splitlines() if not line.startswith("--")]
    text = " ".join(" ".join(lines).split()).upper()
    assert [words for words in expected.forbidden if words.upper() in text] == [], planned.sql
    kinds = {hazard.kind for hazard in planned.hazards}
    assert set(expected.hazards) - kinds == set(), planned.sql
    assert set(expected.no_hazards) & kinds == set(), planned.sql


def _run(databases: Databases, database: str, sql: str, script: Path) -> None:
    script.write_text(sql)
    error = databases.run(database, script)
    assert not error, f"{error}\n{sql}"
