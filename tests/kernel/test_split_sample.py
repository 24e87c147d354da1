"""The sample databases that the other tests build are split without a change."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.split_sample import CHINOOK_OWN_DATABASE, split_chinook, split_pagila

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def sample(name: str) -> str:
    path = SAMPLES / name
    if not path.is_file():
        pytest.skip(f"the shared sample {name} is not here")
    return path.read_bytes().decode("utf-8")


def test_the_files_of_pagila_are_its_script_again():
    """A test on a tree that differs from the dump would prove nothing of the dump."""
    script = sample("pagila.sql")
    files = split_pagila(script)
    assert script == "".join(files[path] for path in sorted(files, key=lambda path: path.split("/")))


def test_the_files_of_chinook_are_its_script_without_the_lines_about_its_own_database():
    """Confiture makes the database itself, so these three lines have to go, and only these."""
    script = sample("chinook.sql")
    kept = [line for line in script.splitlines(keepends=True) if line.rstrip() not in CHINOOK_OWN_DATABASE]
    files = split_chinook(script)
    assert len(kept) == len(script.splitlines()) - 3
    assert "".join(kept) == "".join(files[path] for path in sorted(files, key=lambda path: path.split("/")))
