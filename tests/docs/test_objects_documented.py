"""What becomes of each kind of object is looked up in one table: it lists all kinds that have a handler, no others."""

from __future__ import annotations

from pathlib import Path

from confiture_catalog.differ.kinds import _CLASSES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "objects.md"


def test_every_kind_that_the_differ_handles_is_documented():
    """With what is altered, what happens otherwise, and how it is renamed."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    documented = [kind.strip().strip("`") for row in rows for kind in row[0].split(",")]
    handled = sorted(kind for each in _CLASSES for kind in each.kinds)
    assert sorted(documented) == handled
    assert all(len(row) == 4 and row[1] and row[3] for row in rows)
