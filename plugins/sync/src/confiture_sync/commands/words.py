"""Reads the values of options that are ``table=value``."""

from __future__ import annotations

from collections.abc import Iterable

from confiture.cli.words import names, split_unquoted
from confiture.errors import UsageError

__all__ = ["lists", "pairs", "samples"]


def pairs(written: Iterable[str], option: str, example: str) -> dict[str, str]:
    """``name=value`` each, the name up to the first ``=`` outside of double quotes. Raises ``UsageError``."""
    found: dict[str, str] = {}
    for text in written:
        name, *rest = split_unquoted(text, "=", 1)
        if not rest or not name.strip() or not rest[0].strip():
            raise UsageError(f"{option} {text!r} has no two parts with = between them", hint=f"write {example}")
        name = name.strip()
        if name in found:
            raise UsageError(f"{option} names {name!r} twice", hint="give it once")
        found[name] = rest[0].strip()
    return found


def samples(written: Iterable[str]) -> dict[str, str]:
    """``1%`` for every table (``""``), ``users=1%,posts=all`` for some. Raises ``UsageError``."""
    found: dict[str, str] = {}
    for part in names(written, "--sample"):
        name, *rest = split_unquoted(part, "=", 1)
        table, size = (name.strip(), rest[0].strip()) if rest else ("", name)
        if not size or (rest and not table):
            raise UsageError(f"--sample {part!r} says no table or no size", hint="write 1%, users=1% or users=all")
        if table in found:
            raise UsageError(f"--sample names {table or 'every table'!r} twice", hint="give it once")
        found[table] = size
    return found


def lists(written: Iterable[str], option: str, example: str) -> dict[str, tuple[str, ...]]:
    """``users=1,2,3`` each; a text in double quotes is taken as it is. Those of one table add up."""
    found: dict[str, tuple[str, ...]] = {}
    for text in written:
        for name, values in pairs([text], option, example).items():
            found[name] = (*found.get(name, ()), *(_unquoted(value) for value in names([values], option)))
    return found


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"')
    return text
