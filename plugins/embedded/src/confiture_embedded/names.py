"""Names of databases."""

from __future__ import annotations

import hashlib

__all__ = ["database_name"]

#: NAMEDATALEN - 1; room is left for the suffixes of temporary databases.
_BYTES = 48


def database_name(project: str, environment: str) -> str:
    """``<project>_<environment>`` as a name that needs no quotes: lower case, digits and ``_``, at most 48 bytes."""
    text = f"{project}_{environment}".lower()
    name = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in text)
    if not name[0].isalpha():
        name = f"p{name}" if name[0] == "_" else f"p_{name}"
    if len(name) > _BYTES or any(not letter.isascii() for letter in text):
        # Two projects that differ only in what was cut or replaced are two databases still.
        name = f"{name[: _BYTES - 9].rstrip('_')}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return name
