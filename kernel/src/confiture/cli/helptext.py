"""How help is laid out: headings, aligned columns, wrapped at the terminal's width; no boxes."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

__all__ = ["EXAMPLES", "HelpFormatter"]

#: The four first things to type, below ``confiture --help``.
EXAMPLES = """\
Examples
  confiture init shop && cd shop    make a project that builds
  confiture build                   build it on a PostgreSQL of its own
  confiture server psql             look at what was built
  confiture env                     see the environments and where they are
"""

#: Wider text is hard to read, whatever the terminal has.
_WIDEST = 100
#: Below this, every column counts.
_NARROW = 72
_LEAST_LABEL = {"command": 10, "parameter": 22}
#: A longer label has its text on the next line.
_LONGEST_LABEL = 30


class HelpFormatter:
    """Lays out one help page; cyclopts calls it with each part in turn."""

    def render_usage(self, console: Console, options: ConsoleOptions, usage: Any) -> None:
        """``Usage: confiture build [OPTIONS]``."""
        if usage:
            text = _plain(usage).strip().removeprefix("Usage:").strip()
            _write(console, f"Usage: {text}")

    def render_description(self, console: Console, options: ConsoleOptions, description: Any) -> None:
        """The docstring, each paragraph wrapped; an indented paragraph is kept as it stands."""
        width = _width(console)
        for paragraph in _plain(description).strip("\n").split("\n\n"):
            if paragraph.strip():
                _write(console, "")
                _write(console, paragraph if paragraph.startswith("  ") else textwrap.fill(paragraph, width))

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """One group of commands or options."""
        rows = [(_label(entry), _text(entry)) for entry in panel.entries]
        # --help itself is no command.
        rows = [(label, text) for label, text in rows if label and not label.startswith(("--help", "-h,"))]
        if not rows:
            return
        _write(console, "")
        console.print(str(panel.title), style="bold", highlight=False, markup=False)
        width = _width(console)
        widest = max((len(label) for label, _ in rows if len(label) <= _LONGEST_LABEL), default=0)
        # A common least width keeps the columns of one page's groups in line.
        column = 4 + max(widest, _LEAST_LABEL[panel.format] if width >= _NARROW else 0)
        for label, text in rows:
            lines = textwrap.wrap(text, max(width - column, 20), break_on_hyphens=False) or [""]
            if len(label) + 4 > column:
                _write(console, f"  {label}")
            else:
                _write(console, f"  {label:<{column - 4}}  {lines.pop(0)}".rstrip())
            for line in lines:
                _write(console, f"{' ' * column}{line}".rstrip())


def _width(console: Console) -> int:
    return min(console.width, _WIDEST)


def _write(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, emoji=False, soft_wrap=True)


def _plain(renderable: Any) -> str:
    if renderable is None:
        return ""
    if isinstance(renderable, str):
        return renderable
    for attribute in ("plain", "primary_renderable"):  # rich's Text, cyclopts' InlineText
        if (inner := getattr(renderable, attribute, None)) is not None:
            return _plain(inner)
    return str(renderable)


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
        parts.append(f"[default: {entry.default}]")
    return " ".join(part for part in parts if part)
