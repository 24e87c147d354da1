"""What a row's column draws, in Python: the twin of ``Scope.bytes``, for programs that foretell masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from confiture.masking import MaskingKey, number_of

__all__ = ["Drawn"]

#: ``Drawn.bytes`` hides the name below it.
Bytes: TypeAlias = bytes

_BLOCK_BYTES = 32


class Drawn:
    """The bytes that the rule of one column draws for one row.

    ``domain`` is the rule's, or the column's (``MaskColumn.domain``); ``text`` the value's text
    (``confiture.masking.canonical``). ``table`` (``schema.table``) and ``row``, the primary key's values, are for what
    is drawn for the row, and ``used`` says how many of the row's bytes the rules before this one took. ``per`` is the
    rule's own key, where it has one.
    """

    def __init__(
        self,
        key: MaskingKey,
        domain: str,
        text: str,
        *,
        table: str = "",
        row: Sequence[Any] = (),
        used: int = 0,
        per: str | None = None,
    ) -> None:
        self._key = key
        self._domain = domain
        self._text = text
        self._table = table
        self._row = row
        #: How many of the row's bytes are given away.
        self.used = used
        self._per = per
        self._given: dict[tuple[str, str, int], Bytes] = {}

    def bytes(self, size: int = 32, *, per: str = "value", draw: str = "") -> Bytes:
        """The bytes that the SQL of the same call has."""
        wanted = self._per or per
        if (wanted, draw, size) not in self._given:
            if wanted == "row" and self._row:
                found = self._of_row(size)
            else:
                found = self._key.prf(self._domain, draw, self._text)[:size]
            self._given[wanted, draw, size] = found
        return self._given[wanted, draw, size]

    def _of_row(self, size: int) -> Bytes:
        if self.used % _BLOCK_BYTES + size > _BLOCK_BYTES:
            self.used += _BLOCK_BYTES - self.used % _BLOCK_BYTES
        block, offset = divmod(self.used, _BLOCK_BYTES)
        self.used += size
        return self._key.row(self._table, self._row, block)[offset : offset + size]

    def number(self, *, per: str = "value", draw: str = "") -> int:
        """Of eight such bytes."""
        return number_of(self.bytes(8, per=per, draw=draw))

    def keyed(self, text: str, *, draw: str = "") -> Bytes:
        """The 32 bytes for another text."""
        return self._key.prf(self._domain, draw, text)
