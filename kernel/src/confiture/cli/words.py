"""Reads the values of options: names with commas between them."""

from __future__ import annotations

from collections.abc import Iterable

from confiture.errors import UsageError

__all__ = ["names", "split_unquoted"]


def names(written: Iterable[str], option: str) -> tuple[str, ...]:
    """What commas separate, outside of double quotes. Raises ``UsageError`` for an empty name."""
    found = []
    for text in written:
        parts = [part.strip() for part in split_unquoted(text, ",")]
        if not all(parts):
            raise UsageError(
                f"{option} {text!r} has an empty name", hint="write names with commas between them: users,posts"
            )
        found += parts
    return tuple(found)


def split_unquoted(text: str, separator: str, most: int = -1) -> list[str]:
    """``text`` cut at ``separator`` outside of double quotes, ``most`` times at most."""
    parts: list[str] = []
    quoted, start = False, 0
    for place, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == separator and not quoted and len(parts) != most:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]
