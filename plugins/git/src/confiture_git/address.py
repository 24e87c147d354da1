"""What the address of a revision says: ``HEAD~1``, ``v1.2:db/schema``."""

from __future__ import annotations

import msgspec

from confiture.errors import SourceUnreadable

__all__ = ["Address", "parse_address"]


class Address(msgspec.Struct, frozen=True):
    """A revision in git's own notation, and a path; None where the project's schema is meant."""

    revision: str
    path: str | None = None


def parse_address(what: str) -> Address:
    """``""`` is ``HEAD``. Raises ``SourceUnreadable`` where a path stands without a revision."""
    if not what:
        return Address("HEAD")
    colon = _colon(what)
    revision, path = (what, None) if colon is None else (what[:colon], what[colon + 1 :])
    if not revision:
        raise SourceUnreadable(f"{what!r} names no revision", hint="put one before the colon: HEAD:db/schema")
    if path == "":
        path = "."
    return Address(revision, path)


def _colon(what: str) -> int | None:
    """The first colon that is not in braces: ``HEAD^{/fix: names}`` has one that belongs to the revision."""
    depth = 0
    for offset, character in enumerate(what):
        if character == ":" and depth == 0:
            return offset
        depth += {"{": 1, "}": -1}.get(character, 0)
    return None
