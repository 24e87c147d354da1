"""Names in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["listed"]

#: More of them are counted: who reads an error wants to know what is wrong, not a list of all tables.
_MOST = 8


def listed(names: Sequence[str]) -> str:
    """Quoted, with ``and`` before the last; what is beyond the first few is counted."""
    shown = [repr(name) for name in names]
    if len(shown) > _MOST:
        shown = [*shown[: _MOST - 1], f"{len(shown) - _MOST + 1} more"]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
