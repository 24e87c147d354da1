"""Distributions under contrib/ are built, installed and tested as a third party's are."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from confiture.config.dsn import to_uri

CONTRIB = Path(__file__).parents[2] / "contrib"


@pytest.mark.parametrize("name", sorted(path.parent.name for path in CONTRIB.glob("*/pyproject.toml")))
def test_a_distribution_installs_and_passes_its_tests(tmp_path, server, name):
    """In a virtual environment of its own, which sees the packages of the tests' one."""
    venv = tmp_path / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    site = next((venv / "lib").glob("python*/site-packages"))
    ours = sysconfig.get_path("purelib")
    (site / "tests.pth").write_text(f"import site; site.addsitedir({ours!r})\n", encoding="utf-8")
    python = str(venv / "bin" / "python")
    copy = tmp_path / name
    subprocess.run(["cp", "-r", str(CONTRIB / name), str(copy)], check=True)
    env = {**os.environ, "TEST_DATABASE_URL": to_uri(server.params, password=True)}
    for command in (
        [python, "-m", "pip", "install", "-q", "--no-index", "--no-build-isolation", str(copy)],
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"],
    ):
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, env=env)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
