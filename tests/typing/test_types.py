"""The contract is typed: a right plugin passes mypy --strict, and slips are found where they are."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """What mypy says of both files, in one run. In process: starting it costs more than the check."""
    from mypy import api

    # A cache for each worker: two runs that share one would disturb each other.
    cache = ROOT / ".mypy_cache" / f"typing-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    # What `make lint` found out of everything else is known already.
    linted = ROOT / ".mypy_cache" / f"{sys.version_info.major}.{sys.version_info.minor}"
    if linted.is_dir() and not cache.exists():
        shutil.copytree(linted, cache / linted.name)
    options = ["--strict", "--no-error-summary", "--hide-error-context", "--cache-dir", str(cache)]
    files = [str(HERE / "third_party.py"), str(HERE / "slips.py")]
    output, errors, _ = api.run([*options, "--config-file", str(ROOT / "pyproject.toml"), *files])
    assert errors == ""
    return [line for line in output.splitlines() if ": error:" in line]


def test_a_third_partys_plugin_is_typed(complaints):
    """Every kind, every hook, the typed keys, and the context that providers are given."""
    assert [line for line in complaints if "third_party.py" in line] == []


def test_slips_are_found_where_they_are(complaints):
    """A contract of ``Any`` would pass everything."""
    lines = (HERE / "slips.py").read_text().splitlines()
    marked = {number for number, line in enumerate(lines, 1) if line.endswith("# slip")}
    found = {int(line.split(":")[1]) for line in complaints if "slips.py" in line}
    assert found == marked
