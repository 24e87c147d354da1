r"""Walks a COPY stream in text form and masks fields in it: manual, "COPY", "Text Format".

A row is a line, its fields separated by tabs. What would be mistaken for either is escaped by a backslash; NULL is \N.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from confiture.errors import ConfitureError
from confiture_copy.masking import Function, mask_failure

__all__ = ["TextMasker", "escape", "unescape"]

_NULL = rb"\N"
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_SPECIAL = re.compile(rb"[\\\b\f\n\r\t\v]")
_ESCAPES = {value: b"\\" + letter for letter, value in _LETTERS.items()} | {b"\\": b"\\\\"}


def unescape(field: bytes) -> bytes | None:
    """The value of a field; None for NULL."""
    if b"\\" not in field:
        return field
    if field == _NULL:
        return None
    return _ESCAPED.sub(lambda found: _LETTERS.get(found[1], found[1]), field)


def escape(value: bytes | None) -> bytes:
    """The field of a value."""
    return _NULL if value is None else _SPECIAL.sub(lambda found: _ESCAPES[found[0]], bytes(value))


class TextMasker:
    """Takes a stream in pieces that may end anywhere, and gives it back masked. ``rows`` counts them."""

    def __init__(self, table: str, columns: Sequence[str], functions: Mapping[int, Function]) -> None:
        self.rows = 0
        self._table = table
        self._columns = columns
        self._functions = functions
        self._rest = b""

    def feed(self, piece: bytes | bytearray) -> bytes:
        """What can be told of the stream so far, masked; an unfinished row waits for the next piece."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self.rows += len(lines)
        return b"".join([self._masked(line) for line in lines])

    def end(self) -> None:
        """Raises ``ValueError`` where the stream ended in the middle of a row: a part of it would be missing."""
        if self._rest:
            raise ValueError("the rows' stream ended within a row")

    def _masked(self, line: bytes) -> bytes:
        fields = line.split(b"\t")
        for number, function in self._functions.items():
            failed: ConfitureError | None = None
            try:
                value = function(unescape(fields[number]))
            except Exception as error:
                failed = mask_failure(self._table, self._columns[number], error)
            else:
                if value is not None and not isinstance(value, bytes | bytearray | memoryview):
                    failed = mask_failure(self._table, self._columns[number], None, value)
            if failed is not None:  # raised out here, so that the error which may hold the value is not its context
                raise failed
            fields[number] = escape(value)
        return b"\t".join(fields) + b"\n"
