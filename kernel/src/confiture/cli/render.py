"""Shows events and errors to a person or a program."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from confiture.errors import ConfitureError

if TYPE_CHECKING:
    from confiture.cli.shell import Shell
    from confiture.model import Event

__all__ = ["error_lines", "event_observers", "render_error", "render_warning"]


@contextmanager
def event_observers(shell: Shell, *, verbose: bool) -> Iterator[tuple[Callable[[Event], None], ...]]:
    """What listens to a run: warnings and notes always (unless quiet), a bar on a terminal, the log when verbose."""
    from confiture.model import Note, WarningRaised

    def tell(event: Event) -> None:
        if isinstance(event, WarningRaised):
            render_warning(event.message, event.hint, shell)
        elif isinstance(event, Note):
            shell.note(event.message)

    observers: list[Callable[[Event], None]] = [tell]
    if verbose:
        from confiture.logs import log_observer

        observers.append(log_observer())
    if sys.stderr.isatty() and shell.format == "text" and not shell.quiet and not verbose:
        from confiture.cli.bars import bars

        with bars() as drawer:
            shell.bars = drawer
            try:
                yield (*observers, drawer)
            finally:
                shell.bars = None
        return
    yield tuple(observers)


def render_error(error: ConfitureError, shell: Shell) -> None:
    """The error on stderr: where, what, the line with a caret, detail, hint; or its JSON envelope on stdout."""
    if shell.bars is not None:  # a command that shows it and goes on
        shell.bars.forget()
    if shell.format == "json":
        import json

        sys.stdout.write(json.dumps({"error": _envelope(error)}, indent=2, ensure_ascii=False) + "\n")
        return
    sys.stderr.write("\n".join(_coloured(error_lines(error), "error:", _RED)) + "\n")


def _envelope(error: ConfitureError) -> dict[str, object]:
    """The error's keys. Of a very long line only the part around the column, and the column where that begins."""
    fields: dict[str, object] = dict(error.as_dict())
    if error.source_line is not None and len(error.source_line) > _SHOWN:
        start = _start(error.source_line, error.column)
        fields["source_line"] = error.source_line[start : start + _SHOWN]
        fields["source_column"] = start + 1
    return fields


def render_warning(message: str, hint: str | None, shell: Shell) -> None:
    """A warning on stderr; nothing with ``--quiet``."""
    if shell.quiet:
        return
    lines = [f"warning: {message}"]
    if hint:
        lines.append(f"  hint: {hint}")
    sys.stderr.write("\n".join(_coloured(lines, "warning:", _YELLOW)) + "\n")


_RED, _YELLOW, _CYAN, _PLAIN = "\x1b[1;31m", "\x1b[1;33m", "\x1b[36m", "\x1b[0m"


def _coloured(lines: list[str], label: str, colour: str) -> list[str]:
    """For a terminal: wrapped at words, the labels coloured. Anywhere else a line stays a line."""
    from confiture.cli.helptext import coloured, terminal_width

    if not sys.stderr.isatty():
        return lines
    import textwrap

    width = terminal_width(sys.stderr)
    lines = [
        part
        for index, line in enumerate(lines)
        # Only prose: a source line, its caret and PostgreSQL's detail keep their columns.
        for part in (
            textwrap.wrap(line, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
            if index == 0 or line.startswith("  hint:")
            else [line]
        )
    ]
    if not coloured(sys.stderr):
        return lines
    lines[0] = lines[0].replace(label, f"{colour}{label}{_PLAIN}", 1)
    return [line.replace("hint:", f"{_CYAN}hint:{_PLAIN}", 1) if line.startswith("  hint:") else line for line in lines]


def error_lines(error: ConfitureError) -> list[str]:
    """The lines that tell a person of the error."""
    lines = [f"error: {error}"]
    if error.source_line is not None:
        number = f"{error.line} | " if error.line else "  | "
        shown, column = _around(error.source_line, error.column)
        lines.append(f"  {number}{shown}")
        if column:
            # Tabs stay tabs, so that the caret stands below its character at any tab width.
            before = "".join("\t" if c == "\t" else " " for c in shown[: column - 1])
            lines.append(f"  {' ' * len(number)}{before}^")
    for name, value in (("detail", error.detail), ("hint", error.hint)):
        if value:
            first, *rest = value.splitlines()
            lines.append(f"  {name}: {first}")
            lines += [f"    {line}" for line in rest]
    return lines


#: Characters of a source line that are shown: rows of a dump take megabytes.
_SHOWN = 240


def _around(line: str, column: int | None) -> tuple[str, int | None]:
    """The part of a long line around ``column``, and where the column is in it."""
    if len(line) <= _SHOWN:
        return line, column
    start = _start(line, column)
    end = start + _SHOWN
    before, after = "…" if start else "", "…" if end < len(line) else ""
    return f"{before}{line[start:end]}{after}", column - start + len(before) if column else None


def _start(line: str, column: int | None) -> int:
    return max(0, min((column or 1) - 1 - _SHOWN // 2, len(line) - _SHOWN))
