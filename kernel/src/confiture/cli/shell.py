"""What a command does its talking with: runs, printing, asking."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from confiture.errors import ConfirmationNeeded

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from confiture.cli.bars import Drawer
    from confiture.cli.command import Common, Output, ProjectOutput
    from confiture.model import Event
    from confiture.registry import Registry
    from confiture.run import Run

__all__ = ["Shell"]


class Shell:
    """One invocation's output and input. Results go to stdout, everything else to stderr."""

    def __init__(self) -> None:
        self.format = "text"
        self.quiet = False
        self.debug = False
        #: The plugins, as the command line found them.
        self.registry: Registry | None = None
        #: The progress bars of a run on a terminal: they make way for what is written there.
        self.bars: Drawer | None = None
        #: The words after ``confiture``, as they were typed.
        self.words: tuple[str, ...] = ()
        #: What a command leaves behind when it is stopped now, and how to go on: the hint of ``Interrupted``.
        #: None: whatever was running is taken back.
        self.left_behind: str | None = None

    @property
    def interactive(self) -> bool:
        """Whether somebody is there to ask."""
        return self.format == "text" and sys.stdin.isatty() and sys.stderr.isatty()

    def configure(self, common: Output | None) -> None:
        """Take over the common options. ``run`` does it; a command without a run calls it first."""
        if common is not None:
            self.format, self.quiet, self.debug = common.format, common.quiet, common.debug

    @asynccontextmanager
    async def run(
        self,
        common: Common | ProjectOutput | None = None,
        *,
        anywhere: bool | Path = False,
        observers: Iterable[Callable[[Event], None]] = (),
    ) -> AsyncIterator[Run]:
        """A run of the project and environment that the options choose, its events shown as they choose.

        ``anywhere``: without a project the working folder is one, or the folder that it names, with nothing configured.
        ``observers`` hear its events, too.
        """
        from pathlib import Path

        from confiture.cli.render import event_observers
        from confiture.config import Project
        from confiture.errors import ProjectNotFound
        from confiture.kernel import Kernel

        self.configure(common)
        chosen_folder = None if common is None else common.project
        try:
            project = Project.find(chosen_folder)
        except ProjectNotFound:
            if anywhere is False or (chosen_folder is not None and anywhere is True):
                raise
            project = Project(Path.cwd() if anywhere is True else anywhere)
        with event_observers(self, verbose=bool(common and common.verbose)) as own:
            kernel = Kernel(project, observers=(*own, *observers))
            # A command that names its databases itself has none of these.
            chosen = {name: getattr(common, name, None) for name in ("env", "config", "database_url")}
            async with kernel.run(**chosen) as run:
                yield run

    def print(self, text: str = "") -> None:
        """A line of the result, for people: nothing with ``--format json``."""
        if self.format == "text":
            self.write(text + "\n")

    def write(self, text: str) -> None:
        """The result itself, such as SQL, as it is."""
        if self.bars is not None and text and sys.stdout.isatty():
            self.bars.make_way(text)
        sys.stdout.write(text)

    def note(self, text: str) -> None:
        """A line beside the result, on stderr; nothing with ``--quiet``."""
        if not self.quiet and self.format == "text":
            sys.stderr.write(text + "\n")

    def print_table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A table for people: nothing with ``--format json``. Never truncated where stdout is not a terminal."""
        if self.format != "text":
            return
        rows = [tuple(headings), *map(tuple, rows)]
        if not sys.stdout.isatty():
            self.write(_plain_table(rows))
            return
        from rich.table import Table

        console = self.console()
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for heading, least in zip(headings, _least_widths(headings, rows[1:], console.width), strict=True):
            table.add_column(heading, overflow="fold", min_width=least)
        for row in rows[1:]:
            table.add_row(*row)
        with console.capture() as capture:
            console.print(table)
        # rich fills every line with blanks to the table's width.
        self.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))

    def console(self, *, stderr: bool = False) -> Console:
        """A rich console: colours only on a terminal and without ``NO_COLOR``."""
        from rich.console import Console

        from confiture.cli.helptext import coloured

        stream = sys.stderr if stderr else sys.stdout
        terminal = stream.isatty()
        # rich's own NO_COLOR leaves bold and underline in; FORCE_COLOR and TTY_COMPATIBLE would colour a pipe.
        return Console(
            file=stream,
            width=None if terminal or "COLUMNS" in os.environ else 200,
            color_system="auto" if coloured(stream) else None,
            force_terminal=terminal,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def confirm(self, question: str, *, yes: bool, instead: str) -> None:
        """Ask before something is destroyed. Raises ``ConfirmationNeeded`` on no, and where nobody can be asked.

        ``yes`` is the command's own ``--yes``; ``instead`` says what would be destroyed, for the error.
        """
        if yes:
            return
        if not self.interactive:
            raise ConfirmationNeeded(instead, hint="pass --yes to do it without being asked")
        import textwrap

        from confiture.cli.helptext import terminal_width

        lines = textwrap.wrap(f"{question} [y/N]", terminal_width(sys.stderr) - 2, break_on_hyphens=False)
        if self.bars is not None:
            self.bars.make_way(question)
        answer = _ask("\n".join(lines) + " ")
        if not answer.endswith("\n"):  # Ctrl-D: the cursor is still on the question's line
            sys.stderr.write("\n")
        if self.bars is not None:
            self.bars.make_way("\n")
        if answer.strip().lower() not in ("y", "yes"):
            raise ConfirmationNeeded("you said no", hint="nothing was touched")

    def ask(self, question: str) -> str:
        """The line that somebody answers with; only where ``interactive``. Ctrl-C raises ``Interrupted``."""
        if self.bars is not None:
            self.bars.make_way(question)
        answer = _ask(question)
        if not answer.endswith("\n"):
            sys.stderr.write("\n")
        return answer

    def emit_report(self, report: Any) -> None:
        """Print what the command returned, as JSON, where that was asked for."""
        if self.format == "json" and report is not None:
            import msgspec

            encoded = msgspec.json.encode(report, enc_hook=str)
            sys.stdout.write(msgspec.json.format(encoded, indent=2).decode() + "\n")


def _ask(question: str) -> str:
    """A line of stdin. Ctrl-C ends the waiting: the event loop's handler would be heard after Enter only."""
    import signal

    from confiture.cli.interrupts import interrupted

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        # Only now: who sees the question may press Ctrl-C at once.
        sys.stderr.write(question)
        sys.stderr.flush()
        return sys.stdin.readline()
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        raise interrupted("SIGINT") from None
    finally:
        signal.signal(signal.SIGINT, previous)


def _plain_table(rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns, for grep and cut: a row is a line, however long. rich takes a millisecond for every few rows."""
    from rich.cells import cell_len  # a Chinese character takes two columns

    cells = [[cell.replace("\n", " ") for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    lines = (
        "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )
    return "".join(f"{line}\n" for line in lines)


def _least_widths(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """For each column the width of its longest word, so that cells break between words; less where that is too much."""
    columns = zip(headings, *rows, strict=True)
    least = [max((len(word) for cell in column for word in cell.split()), default=1) for column in columns]
    while sum(least) + 2 * len(least) > width and max(least) > 1:
        least[least.index(max(least))] -= 1
    return least
