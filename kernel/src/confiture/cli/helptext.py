"""How help is laid out: headings, aligned columns, wrapped at the terminal's width; no boxes.

The overviews (``confiture --help``, ``confiture server --help``) are made from what plugins registered and need
neither cyclopts nor rich; a command's own page is cyclopts', laid out by :class:`HelpFormatter`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from cyclopts import App
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

    from confiture.hooks import Command

__all__ = [
    "HelpFormatter",
    "coloured",
    "commands_below",
    "group_order",
    "overview",
    "page_width",
    "terminal_width",
    "usage_line",
]

_SUMMARY = "PostgreSQL migrations from DDL: the files in db/schema/ are the truth, migrations are derived from them."

#: The four first things to type, below ``confiture --help``.
_EXAMPLES = """\
  confiture init shop && cd shop   make a project that builds
  confiture build                  build it on a PostgreSQL of its own
  confiture server psql            look at what was built
  confiture env                    see the environments and where they are"""

#: What a newcomer needs first stands first; plugins' own groups follow by name.
_GROUPS = {"Project": 0, "Mediums": 1, "Server": 2, "About confiture": 9}

#: Wider text is hard to read, whatever the terminal has.
_WIDEST = 100
#: The page of who has no terminal.
_USUAL = 80
#: Below this, every column counts.
_NARROW = 72
#: A longer label has its text on the next line.
_LONGEST_LABEL = 30
#: A common least width keeps the columns of one page's groups in line.
_LEAST_COMMAND, _LEAST_OPTION = 10, 23


def terminal_width(stream: TextIO) -> int:
    """The columns of the terminal behind ``stream``; ``COLUMNS`` overrides it, and 80 is for where there is none."""
    try:
        return int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size(stream.fileno()).columns or _USUAL
    except (ValueError, OSError):
        return _USUAL


def page_width() -> int:
    """The columns to write help for: the terminal's, never more than 100."""
    return min(terminal_width(sys.stdout), _WIDEST)


def coloured(stream: TextIO) -> bool:
    """Whether escape codes may be written there: a terminal, and neither ``NO_COLOR`` nor ``TERM=dumb``."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def group_order(name: str) -> tuple[int, str]:
    """The sort key of a group of commands."""
    return _GROUPS.get(name, 5), name


def overview(table: Mapping[tuple[str, ...], Command], path: tuple[str, ...]) -> str:
    """The help of ``confiture`` itself, or of a word that has commands below it."""
    width, bold = page_width(), coloured(sys.stdout)
    groups: dict[str, dict[str, str]] = {}
    for key, command in table.items():
        if key[: len(path)] == path != key:
            rows = groups.setdefault("Commands" if path else _group(table, key[:1], command), {})
            rows[key[len(path)]] = _row(table, key[: len(path) + 1])
    lines = [f"Usage: {' '.join(('confiture', *path))} COMMAND"]
    if not path:
        lines += ["", *_filled(_SUMMARY, width)]
    for name in sorted(groups, key=group_order):
        rows_ = sorted(groups[name].items(), key=lambda row: (row[0] != "init", row[0]))
        lines += ["", *_section(name, rows_, width, _LEAST_COMMAND, bold=bold)]
    if not path:
        lines += ["", _heading("Examples", bold=bold), _EXAMPLES]
    lines += ["", f"`{' '.join(('confiture', *path))} COMMAND --help` shows the options of a command."]
    return "\n".join(lines) + "\n"


def commands_below(table: Mapping[tuple[str, ...], Command], path: tuple[str, ...]) -> str:
    """The part of a command's own help page that shows the commands below it; nothing where there are none."""
    words = sorted({key[len(path)] for key in table if key[: len(path)] == path != key})
    rows = [(word, _row(table, (*path, word))) for word in words]
    if not rows:
        return ""
    lines = _section("Commands", rows, page_width(), _LEAST_COMMAND, bold=coloured(sys.stdout))
    return "\n".join(["", *lines]) + "\n"


def _group(table: Mapping[tuple[str, ...], Command], word: tuple[str, ...], command: Command) -> str:
    return table.get(word, command).group


def _row(table: Mapping[tuple[str, ...], Command], word: tuple[str, ...]) -> str:
    """What is said of a word: its own command's summary, and the words that may follow."""
    following = ", ".join(sorted({key[len(word)] for key in table if key[: len(word)] == word != key}))
    own = table.get(word)
    if own is None:
        return following
    return f"{own.summary.removesuffix('.')}; below it: {following}" if following else own.summary


def _heading(text: str, *, bold: bool) -> str:
    return f"\x1b[1m{text}\x1b[0m" if bold else text


def _filled(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width, break_on_hyphens=False, break_long_words=False)


def _section(title: str, rows: Iterable[Sequence[str]], width: int, least: int, *, bold: bool) -> list[str]:
    """A heading, and rows of label and text with the text in one column."""
    rows = [(label, text.removesuffix(".") if text.count(".") == 1 else text) for label, text in rows]
    widest = max((len(label) for label, _ in rows if len(label) <= _LONGEST_LABEL), default=0)
    column = 4 + max(widest, least if width >= _NARROW else 0)
    lines = [_heading(title, bold=bold)]
    for label, text in rows:
        wrapped = _filled(text, max(width - column, 20)) or [""]
        if len(label) + 4 > column:
            lines.append(f"  {label}")
        else:
            lines.append(f"  {label:<{column - 4}}  {wrapped.pop(0)}".rstrip())
        lines += [f"{' ' * column}{line}" for line in wrapped]
    return lines


def usage_line(app: App, path: Sequence[str]) -> str:
    """``confiture init [OPTIONS] [FOLDER]``: cyclopts' own says ``[ARGS]`` for whatever there is."""
    words = ["confiture", *path, "[OPTIONS]"]
    for argument in app.assemble_argument_collection():
        if argument.index is None or not argument.show:
            continue
        word = argument.name.lstrip("-").upper()
        if argument.field_info.kind is argument.field_info.VAR_POSITIONAL:
            word += "..."
        words.append(word if argument.required else f"[{word}]")
    return " ".join(words)


class HelpFormatter:
    """Lays out the page of one command; cyclopts calls it with each part in turn."""

    def render_usage(self, console: Console, options: ConsoleOptions, usage: Any) -> None:
        """``Usage: confiture build [OPTIONS]``."""
        if usage:
            console.file.write(f"Usage: {_plain(usage).strip().removeprefix('Usage:').strip()}\n")

    def render_description(self, console: Console, options: ConsoleOptions, description: Any) -> None:
        """The docstring, each paragraph wrapped; an indented line is kept as it stands."""
        for paragraph in _plain(description).strip("\n").split("\n\n"):
            if paragraph.strip():
                lines = [paragraph] if paragraph.startswith("  ") else _filled(paragraph, page_width())
                console.file.write("\n" + "\n".join(lines) + "\n")

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """One group of options."""
        rows = [(_label(entry), _text(entry)) for entry in panel.entries]
        rows = [(label, text) for label, text in rows if label and "--help" not in label]
        if rows:
            bold = coloured(sys.stdout)
            lines = _section(str(panel.title), rows, page_width(), _LEAST_OPTION, bold=bold)
            console.file.write("\n" + "\n".join(lines) + "\n")


def _plain(renderable: Any) -> str:
    if isinstance(renderable, str):
        return renderable
    for attribute in ("plain", "primary_renderable"):  # rich's Text, cyclopts' InlineText
        if (inner := getattr(renderable, attribute, None)) is not None:
            return _plain(inner)
    return ""  # None, and cyclopts' placeholder for nothing


def _label(entry: HelpEntry) -> str:
    if entry.positional_label:
        return entry.positional_label
    # Short names first, as in every manual page, and the value once, after the last name.
    names = ", ".join([*entry.positive_shorts, *entry.positive_names])
    value = "|".join(entry.choices or ()) if _choices_fit(entry) else entry.metavar
    negatives = ", ".join([*entry.negative_names, *entry.negative_shorts])
    label = f"{names} {value}" if value else names
    return f"{label}, {negatives}" if negatives else label


def _choices_fit(entry: HelpEntry) -> bool:
    return bool(entry.choices) and not entry.positional_label and sum(len(c) + 1 for c in entry.choices or ()) <= 20


def _text(entry: HelpEntry) -> str:
    parts = [" ".join(_plain(entry.description).split())]
    if entry.choices and not _choices_fit(entry):
        parts.append(f"[{', '.join(entry.choices)}]")
    if entry.required:
        parts.append("[required]")
    # That a flag is off until it is given goes without saying.
    if entry.default not in (None, "False", "[]", "()") and "[default:" not in parts[0]:
        # Of a pair, the name of the one that holds says more than True.
        both = entry.default == "True" and entry.negative_names and entry.positive_names
        parts.append(f"[default: {entry.positive_names[0] if both else entry.default}]")
    return " ".join(part for part in parts if part)
