"""A fixed sample of the pairs that other projects test their differs with; ``make test-corpus`` has them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from diff.corpus import DATA, Case, read_cases, score_pair
from diff.databases import Databases
from diff.planner import Planner

pytestmark = pytest.mark.anyio

#: How many of each file; all of a small one.
SAMPLE = {"apgdiff": 5, "pgquarrel": 5, "pistachio": 9, "sqldef": 9}


def sample() -> list[Case]:
    """The same cases in every run."""
    return [case for name, count in SAMPLE.items() for case in read_cases([DATA / f"{name}.jsonl"], sample=count)]


CASES = sample() if DATA.is_dir() else []


@pytest.mark.skipif(not CASES, reason="needs ../shared/data/diff-cases")
@pytest.mark.parametrize("number", range(len(CASES)), ids=[case["case"] for case in CASES])
async def test_the_plan_leads_there_and_back(
    number: int, tool: Planner, databases: Databases, worker_id: str, tmp_path: Path
) -> None:
    verdicts = await score_pair(tool, databases, CASES[number], f"sample_{worker_id}_{number}", tmp_path)
    for verdict in verdicts:
        assert verdict["verdict"] in {"pass", "near"}, verdict
