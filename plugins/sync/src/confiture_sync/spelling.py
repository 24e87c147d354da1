"""Names as people write them: folded to lower case unless quoted, ``*`` for any text, and how to write one back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from confiture.errors import ConfigError, UsageError
from confiture.masking import MaskTable
from confiture.masking.rules import split_name
from confiture.quoting import quote_ident

__all__ = ["Part", "quoted", "read_name", "written"]

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")


class Part(NamedTuple):
    """A part of a name. ``pattern``: it has a ``*`` outside of quotes."""

    text: str
    pattern: bool = False

    def fits(self, name: str) -> bool:
        """Whether ``name`` is the one that is meant, or one of them."""
        if not self.pattern:
            return name == self.text
        return re.fullmatch(".*".join(map(re.escape, self.text.split("*"))), name, re.DOTALL) is not None


def read_name(name: str, *, option: str) -> tuple[Part, ...]:
    """The parts of ``schema.table`` or ``"My Table".col*``. Raises ``UsageError`` for what is no name."""
    try:
        texts = split_name(name)
    except ConfigError as error:
        raise UsageError(f"{option}: {error.message}", hint=error.hint) from None
    return tuple(
        Part(text, pattern="*" in text and not quotes) for text, quotes in zip(texts, _are_quoted(name), strict=True)
    )


def quoted(name: str) -> str:
    """``name`` as it must be written to be found."""
    return name if _PLAIN.fullmatch(name) else quote_ident(name)


def written(table: MaskTable, search_path: Sequence[str], column: str | None = None) -> str:
    """How a table, or a column of it, is written: with its schema where that is not the first of the path."""
    parts = [table.name] if search_path and table.schema == search_path[0] else [table.schema, table.name]
    return ".".join(map(quoted, parts if column is None else [*parts, column]))


def _are_quoted(name: str) -> list[bool]:
    """For each part whether it stands in quotes."""
    found, within, start = [], False, 0
    name = name.strip()
    for place, character in enumerate(name):
        if character == '"':
            within = not within
        elif character == "." and not within:
            found.append(name[start] == '"')
            start = place + 1
    return [*found, name[start] == '"']
