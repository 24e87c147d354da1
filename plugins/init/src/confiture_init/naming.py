"""File names for objects: valid on every system, and no two the same where case does not count."""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable

__all__ = ["FileNames", "safe_name"]

#: Names that Windows keeps for devices, whatever stands behind a dot.
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(1, 10)), *(f"lpt{n}" for n in range(1, 10))}
)
#: Not allowed in names on Windows, or with a meaning in a shell or a pattern.
_UNSAFE = frozenset("\\/:*?\"<>|'`$&;!#%{}[]()~^=,@+")
#: File systems take 255 bytes; a name of PostgreSQL has 63 at most, but a server may be built otherwise.
_LONGEST_BYTES = 200


def safe_name(name: str) -> str:
    """``name`` with ``_`` for whatever a file's name cannot hold everywhere."""
    composed = unicodedata.normalize("NFC", name)
    kept = "".join("_" if c in _UNSAFE or c.isspace() or not c.isprintable() else c for c in composed)
    kept = kept.encode()[:_LONGEST_BYTES].decode(errors="ignore")
    # A leading dot hides a file, a trailing one is dropped by Windows.
    kept = kept.replace(".", "_") if kept.startswith(".") or kept.endswith(".") else kept
    if kept.partition(".")[0].casefold() in _DEVICES or not kept.strip("_"):
        kept = f"{kept}_"
    return kept


class FileNames:
    """Gives each object of a folder a name of its own, the same one whenever it is asked again."""

    def __init__(self) -> None:
        self._given: dict[tuple[str, Hashable], str] = {}
        self._taken: set[tuple[str, str]] = set()

    def give(self, folder: str, name: str, what: Hashable = None) -> str:
        """The file name, without its ending, of ``name`` in ``folder``; ``what`` tells apart things of one name."""
        key = (folder, (name, what))
        if key not in self._given:
            wanted = safe_name(name)
            free, number = wanted, 1
            while (folder, _folded(free)) in self._taken:
                number += 1
                free = f"{wanted}_{number}"
            self._taken.add((folder, _folded(free)))
            self._given[key] = free
        return self._given[key]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
