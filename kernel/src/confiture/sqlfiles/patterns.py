"""Glob patterns on paths relative to a root.

``*``, ``?`` and ``[...]`` match within one component and mind the case on every system; ``**`` matches any number of
components, also none. A pattern without ``/`` matches a name at any depth. A pattern that matches a folder matches
everything below it. The standard library has this only from Python 3.13 (``PurePath.full_match``).
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

__all__ = ["matches_any"]


def matches_any(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    """Whether the path of these components, or a folder that it lies in, matches one of the patterns."""
    return any(_matches(tuple(parts), pattern) for pattern in patterns)


def _matches(parts: tuple[str, ...], pattern: str) -> bool:
    wanted = tuple(part for part in pattern.split("/") if part not in ("", "."))
    if not wanted:
        return False
    if len(wanted) == 1 and not pattern.startswith("/"):
        wanted = ("**", *wanted)
    return any(_match(parts[:length], wanted) for length in range(1, len(parts) + 1))


def _match(parts: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    if not wanted:
        return not parts
    if wanted[0] == "**":
        return any(_match(parts[skipped:], wanted[1:]) for skipped in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], wanted[0]) and _match(parts[1:], wanted[1:])
