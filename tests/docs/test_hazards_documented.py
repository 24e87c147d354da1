"""The vocabulary of hazards is what policies are written in: the page lists all of it, and nothing else."""

from __future__ import annotations

from pathlib import Path

from confiture.sql import HAZARDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "hazards.md"


def test_every_kind_of_hazard_is_documented():
    """With the statements that have it and what to do."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert {row[0].strip("`") for row in rows} == HAZARDS.keys()
    assert all(len(row) == 3 and all(row) for row in rows)
