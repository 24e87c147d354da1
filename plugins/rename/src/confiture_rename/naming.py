"""The name of the database that was left."""

from __future__ import annotations

__all__ = ["left_name"]

#: Longer names are cut by PostgreSQL, with a mere notice.
_MOST = 63
#: Where the live one takes its name from the one that has the suffix: a rollback.
_BACK = "_new"


def left_name(live: str, other: str, suffix: str) -> str:
    """What ``live`` is called once ``other`` has its name. The same for the same names, so that it is found again."""
    found = _with(live, suffix)
    return _with(live, _BACK if suffix != _BACK else "_back") if found == other else found


def _with(name: str, suffix: str) -> str:
    room = _MOST - len(suffix.encode())
    return name.encode()[:room].decode(errors="ignore") + suffix
