"""Draws docs/examples/demo.svg, the README's picture, from what the demo really prints on a first run.

Run it as ``python docs/examples/picture.py`` with confiture on the path. Long tables are cut, and show that they are.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).resolve().parent
WIDTH = 108
ROWS = 6


def main() -> None:
    """Run the demo on a server that has never been there, and draw it."""
    project = HERE / "jam-shop"
    subprocess.run(["confiture", "server", "stop"], cwd=project, check=True, capture_output=True)
    shutil.rmtree(project / ".confiture", ignore_errors=True)
    printed = subprocess.run(["sh", HERE / "demo.sh"], check=True, capture_output=True, text=True).stdout
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    for line in cut(printed.strip().splitlines()):
        style = "bold green" if line.startswith("$ ") else "white"
        console.print(Text(line, style=style), crop=True, no_wrap=True, overflow="crop")
    drawn = console.export_svg(title="make demo")
    # rich asks another host for its font; any monospaced one will do.
    while (begin := drawn.find("@font-face {")) >= 0:
        drawn = drawn[:begin] + drawn[drawn.index("}", begin) + 1 :].lstrip()
    (HERE / "demo.svg").write_text(drawn, encoding="utf-8")


def cut(lines: Iterable[str]) -> Iterator[str]:
    """The lines, without the rows of a table beyond the first few."""
    rows = 0
    for line in lines:
        rows = rows + 1 if " | " in line else 0
        if rows <= ROWS:
            yield line
        elif rows == ROWS + 1:
            yield " ..."


if __name__ == "__main__":
    main()
