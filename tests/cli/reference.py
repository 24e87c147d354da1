"""Writes the generated half of docs/reference/cli.md: ``python tests/cli/reference.py``. A test compares."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
BEGIN = "<!-- From here on written by tests/cli/reference.py out of --help. -->"


def help_of(*words: str) -> str:
    """What ``confiture <words> --help`` prints, 80 columns wide."""
    from confiture.cli.main import run_command

    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert run_command([*words, "--help"]) == 0
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip().splitlines())


def generated() -> str:
    """Every page of help, the overview first."""
    from confiture.cli.app import command_table
    from confiture.registry import Registry

    pages = [f"## confiture\n\n```text\n{help_of()}\n```\n"]
    for words in sorted(command_table(Registry())):
        pages.append(f"## confiture {' '.join(words)}\n\n```text\n{help_of(*words)}\n```\n")
    return "\n".join(pages)


def expected() -> str:
    """The page as it should be: its own text, then what is generated."""
    return f"{PAGE.read_text(encoding='utf-8').partition(BEGIN)[0]}{BEGIN}\n\n{generated()}"


if __name__ == "__main__":
    os.environ["COLUMNS"] = "80"
    PAGE.write_text(expected(), encoding="utf-8")
