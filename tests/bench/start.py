"""The start of the command line against an empty cyclopts application with as many commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.harness import Side, measure

_EMPTY = """
import sys
from cyclopts import App
app = App(name="empty", help="An empty application.", version_flags=[], help_format="plaintext")
for number in range({commands}):
    app.command("os:getcwd", name=f"command{{number}}", help="A command.", group=f"Group {{number % 3}}")
app(["--help"], exit_on_error=False)
"""


def run(folder: Path) -> None:
    """``confiture --help`` and ``--version``."""
    from confiture.registry import Registry

    commands = len(Registry().commands()) + 4
    empty = folder / "empty.py"
    empty.write_text(_EMPTY.format(commands=commands))
    confiture = str(Path(sys.executable).with_name("confiture"))

    def call(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, cwd=folder)

    measure(
        f"start of the command line, {commands} commands",
        [
            Side("empty cyclopts --help", lambda: call(sys.executable, str(empty))),
            Side("confiture --help", lambda: call(confiture, "--help")),
            Side("confiture --version", lambda: call(confiture, "--version")),
        ],
        rounds=25,
    )
