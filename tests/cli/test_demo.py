"""``make demo``: the first thing that anybody runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture
def demo(cli, tmp_path: Path):
    """Runs the demo in a copy of the examples, so that neither the tree nor another run is in its way."""
    copy = tmp_path / "examples"
    shutil.copytree(EXAMPLES, copy, ignore=shutil.ignore_patterns(".confiture"))
    program = tmp_path / "bin" / "confiture"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m confiture "$@"\n')
    program.chmod(0o755)

    def run(**env: str) -> subprocess.CompletedProcess[str]:
        environment = {**cli.environment(), **env}
        environment["PATH"] = f"{program.parent}:{environment['PATH']}"
        command = ["sh", str(copy / "demo.sh")]
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, timeout=300
        )

    run.project = copy / "jam-shop"  # type: ignore[attr-defined]
    yield run
    cli("server", "stop", cwd=copy / "jam-shop")


def state(cli, project: Path) -> str:
    return json.loads(cli("server", "status", "--format", "json", cwd=project).stdout)["state"]


def test_the_demo_builds_shows_and_leaves_no_server(demo, cli) -> None:
    """Without a terminal, whatever the shell was set up for, and twice."""
    for _ in range(2):
        done = demo(CONFITURE_ENV="production", PGHOST="/nowhere")
        assert done.returncode == 0, done.stderr
        assert "$ confiture build --env local" in done.stdout
        assert "jam_shop_local: built" in done.stdout or "jam_shop_local: cloned" in done.stdout
        assert " sales   | orders " in done.stdout
        assert " STR-250 | " in done.stdout
        assert done.stdout.count("jam_shop_local: cloned from the template") >= 1
        assert "jam_shop_local is at 010, up to date" in done.stdout
        assert "1 migration taken back from jam_shop_local" in done.stdout
        assert "1 migration applied to jam_shop_local" in done.stdout
        assert done.stdout.endswith("$ confiture server stop\nstopped\n")
        assert state(cli, demo.project) == "stopped"


def test_a_demo_that_fails_says_so_and_leaves_no_server(demo, cli) -> None:
    """A CI that runs it must turn red."""
    (demo.project / "db" / "schema" / "99_wrong.sql").write_text("select 1 +;\n")
    done = demo()
    assert done.returncode != 0
    assert "99_wrong.sql:1:" in done.stderr
    assert state(cli, demo.project) == "stopped"


def test_the_server_can_be_kept(demo, cli) -> None:
    """To look around in what was built."""
    done = demo(KEEP="1")
    assert done.returncode == 0, done.stderr
    assert "To stop it: cd docs/examples/jam-shop && confiture server stop" in done.stdout
    assert state(cli, demo.project) == "running"
