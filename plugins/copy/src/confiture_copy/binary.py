r"""Walks a binary COPY stream and masks fields in it: manual, "COPY", "Binary Format".

A stream is a header, rows and an end mark. A row is a count of fields (16 bits), and for each field its length (32
bits, -1 for NULL) and its bytes. The walker is compiled for the columns that it masks: of the others it reads the
lengths only, and copies what is between two masked fields in one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from struct import Struct, error
from typing import Any, TypeAlias

from confiture_copy.masking import Function, mask_failure

__all__ = ["BinaryMasker", "count_rows"]

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER_BYTES = len(SIGNATURE) + 8
_NULL = b"\xff\xff\xff\xff"
_length = Struct(">i")
_count = Struct(">h")
_MARK = -1

_Walk: TypeAlias = Callable[[bytes, int, Callable[[bytes], None]], tuple[int, int]]


class BinaryMasker:
    """Takes a stream in pieces that may end anywhere, and gives it back masked. ``rows`` counts them."""

    def __init__(self, table: str, columns: Sequence[str], functions: Mapping[int, Function]) -> None:
        self.rows = 0
        self._walk = _compile(table, columns, functions)
        self._rest = b""
        self._begun = False

    def feed(self, piece: bytes | bytearray) -> bytes:
        """What can be told of the stream so far, masked; an unfinished row waits for the next piece."""
        data = self._rest + piece if self._rest else bytes(piece)
        start = 0
        out: list[bytes] = []
        if not self._begun:
            start = _header(data)
            if not start:
                self._rest = data
                return b""
            self._begun = True
            out.append(data[:start])
        end, rows = self._walk(data, start, out.append)
        self.rows += rows
        self._rest = data[end:]
        return b"".join(out)

    def end(self) -> None:
        """Raises ``ValueError`` where the stream ended in the middle of a row: a part of it would be missing."""
        if self._rest:
            raise ValueError("the rows' stream ended within a row")


def _header(data: bytes) -> int:
    """Where the header ends; 0 where it is not all there."""
    if len(data) < _HEADER_BYTES:
        return 0
    extension: int = _length.unpack_from(data, _HEADER_BYTES - 4)[0]
    return _HEADER_BYTES + extension if len(data) >= _HEADER_BYTES + extension else 0


def count_rows(data: bytes | bytearray) -> tuple[int, int]:
    """How many whole rows a piece has that begins with a row or the header, and their bytes."""
    position = _header(bytes(data[:_HEADER_BYTES])) if data.startswith(SIGNATURE) else 0
    start, rows, size = position, 0, len(data)
    try:
        while position < size:
            (fields,) = _count.unpack_from(data, position)
            if fields == _MARK:
                break
            end = position + 2
            for _ in range(fields):
                end += 4 + max(_length.unpack_from(data, end)[0], 0)
            if end > size:
                break
            position, rows = end, rows + 1
    except error:  # the piece ends within a length
        pass
    return rows, position - start


def _compile(table: str, columns: Sequence[str], functions: Mapping[int, Function]) -> _Walk:
    """A function that walks whole rows from a position on, hands out what to send, and says how far it came.

    The code is written out for the columns at hand: a loop over fields that asks each whether it is masked takes half
    as long again. Positions first, functions when the row is known to be whole: none is called twice for a value.
    """
    lines = [
        "def walk(data, position, send):",
        "    sent = position",
        "    rows = 0",
        "    size = len(data)",
        "    while position < size:",
        "        try:",
        "            if count(data, position)[0] == -1:",
        "                position += 2",
        "                break",
        "            at = position + 2",
    ]
    for number in range(len(columns)):
        if number in functions:
            lines += [
                f"            n{number} = length(data, at)[0]",
                f"            a{number} = at",
                f"            at = e{number} = at + 4 + n{number} if n{number} > 0 else at + 4",
            ]
        else:
            lines += ["            n = length(data, at)[0]", "            at += 4 + n if n > 0 else 4"]
    lines += ["        except short:", "            break", "        if at > size:", "            break"]
    for number in sorted(functions):
        lines += [
            "        try:",
            f"            value = f{number}(data[a{number} + 4:e{number}] if n{number} >= 0 else None)",
            "        except Exception as caught:",
            f"            failed = failure(table, columns[{number}], caught)",
            "        else:",
            "            if value is None:",
            f"                send(data[sent:a{number}] + null)",
            "            elif type(value) is bytes or isinstance(value, (bytes, bytearray, memoryview)):",
            f"                send(data[sent:a{number}] + pack(len(value)) + value)",
            "            else:",
            f"                raise failure(table, columns[{number}], None, value)",
            f"            sent = e{number}",
            "            failed = None",
            "        if failed is not None:",
            "            raise failed",
        ]
    lines += [
        "        position = at",
        "        rows += 1",
        "    send(data[sent:position])",
        "    return position, rows",
    ]
    names: dict[str, Any] = {
        "count": _count.unpack_from,
        "length": _length.unpack_from,
        "pack": _length.pack,
        "short": error,
        "null": _NULL,
        "failure": mask_failure,
        "table": table,
        "columns": tuple(columns),
        **{f"f{number}": function for number, function in functions.items()},
    }
    exec("\n".join(lines), names)  # noqa: S102 (the text holds numbers of columns, and nothing that anybody wrote)
    walk: _Walk = names["walk"]
    return walk
