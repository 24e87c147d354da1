"""The first file of rules, for people to read on: one rule a column, with what it looks like and why."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from confiture.errors import UsageError

if TYPE_CHECKING:
    from confiture_sync.detect import Personal

__all__ = ["Written", "format_rules", "write_file"]

#: What YAML takes for itself without quotes: no word that it reads as a truth value or as nothing.
_PLAIN = re.compile(r"[a-z_][a-z0-9_.]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_HEAD = """\
# Rules for `confiture sync`, first written by `confiture sync init` from what looked personal in {source}.
# Read them: a class is told by names, types and a sample of rows, and a rule for it may be too much or too little.
# A column that may leave as it is has a reason:  country: {{keep: "a country is not a person"}}
"""


class Written(NamedTuple):
    """``table`` and ``column`` are as the file has them, ``rule`` is YAML on one line; None: none fits.

    ``document``: the column is of json, and the rule empties it.
    """

    table: str
    column: str
    looks: Personal
    rule: str | None
    document: bool = False


def format_rules(rules: Iterable[Written], source: str) -> str:
    """The file's text, sorted by table and column."""
    by_table: dict[str, list[Written]] = {}
    for rule in sorted(rules, key=lambda rule: (rule.table, rule.column)):
        by_table.setdefault(rule.table, []).append(rule)
    lines = [_HEAD.format(source=source), "anonymize:" if by_table else "anonymize: {}"]
    for table, columns in by_table.items():
        lines.append(f"  {_key(table)}:{'' if any(each.rule is not None for each in columns) else ' {}'}")
        for each in columns:
            why = f"{each.looks.what}: by its {' and '.join(each.looks.because)}"
            if each.looks.within:
                why += (
                    ", in a part of it: {json: {paths: ...}} masks no more" if each.document else ", within longer text"
                )
            if each.rule is None:
                lines.append(f"    # {_key(each.column)}: no rule for {why} fits; write one")
                continue
            lines += [f"    # {why}", f"    {_key(each.column)}: {each.rule}"]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if _PLAIN.fullmatch(name) and name not in _WORDS else json.dumps(name, ensure_ascii=False)


def write_file(path: Path, text: str, shown: str) -> None:
    """Write it whole or not at all. Raises ``UsageError`` where that cannot be."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UsageError(f"{shown!r} cannot be written: {error.strerror}", hint="name another place") from None
