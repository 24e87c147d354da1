"""A command on a terminal, which waits where it has to be seen first."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pexpect

#: For the code of a command: ``gate(n)`` waits until the n-th of the texts was seen on the terminal.
GATE = """
    import pathlib, time

    def gate(number):
        for _ in range(6000):
            if pathlib.Path(f"gate{number}").exists():
                break
            time.sleep(0.01)
"""


def on_terminal(
    cli,
    *args: str,
    columns: int = 80,
    lines: int = 40,
    gates: Sequence[str] = (),
    program: Sequence[str] = (),
    **env: str,
) -> str:
    """What it shows, to its end. ``gates``: texts that it shows one after the other, and waits at, see ``GATE``."""
    for number in range(len(gates)):
        (cli.folder / f"gate{number}").unlink(missing_ok=True)
    command, *words = program or (sys.executable, "-m", "confiture", *args)
    child = pexpect.spawn(
        command, words, cwd=str(cli.folder), env={**cli.environment(), **env}, dimensions=(lines, columns),
        encoding="utf-8", timeout=60,
    )  # fmt: skip
    shown = ""
    for number, text in enumerate(gates):
        child.expect_exact(text)
        shown += child.before + child.after
        (cli.folder / f"gate{number}").touch()
    child.expect(pexpect.EOF)
    child.close()
    assert isinstance(child.before, str)
    return shown + child.before
