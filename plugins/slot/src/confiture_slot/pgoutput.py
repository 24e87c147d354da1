"""What the server's plugin pgoutput says, protocol version 1, as bytes: changed rows of transactions."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from confiture.errors import CaptureBroken

__all__ = ["UNKNOWN", "Change", "Commit", "Decoder", "Described", "is_begin"]

_KEY = 1
_SKIPPED = b"YO"


class Unknown:
    """The value of a column that was not told. There is one of it."""

    def __repr__(self) -> str:
        """For people."""
        return "UNKNOWN"


UNKNOWN: Final = Unknown()
Value = str | None | Unknown


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """A relation as it was when a row of it changed. ``key``: the columns of its replica identity."""

    oid: int
    label: str
    columns: tuple[str, ...]
    key: frozenset[str]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A row that changed; its columns before and after, None where there is no such row, or it is not told.

    ``kind``: "I", "U", "D"; "T" for a relation that was emptied, "M" for a message, whose text ``message`` is.
    ``xid``: the transaction's number, of 32 bits.
    """

    kind: str
    xid: int = 0
    relation: Described | None = None
    before: dict[str, Value] | None = None
    after: dict[str, Value] | None = None
    message: str = ""


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a transaction, whose changes came before. ``end``: where its commit ends in the WAL."""

    xid: int
    end: int


def is_begin(data: bytes) -> bool:
    """Whether a transaction begins with this message."""
    return data[:1] == b"B"


class Decoder:
    """What the messages say, in the order of the transactions' commits. ``prefix``: of messages of ours.

    They may come in parts. Raises ``CaptureBroken`` for what this does not know, or what is not whole: to go on would
    lose a change.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._relations: dict[int, Described] = {}
        self._xid: int | None = None

    def feed(self, rows: Iterable[tuple[int, bytes]]) -> Iterator[Change | Commit]:
        """Of each message of a transaction, with its number."""
        for xid, data in rows:
            kind = data[:1]
            try:
                yield from self._message(kind, xid, data)
            except (struct.error, ValueError, LookupError):
                raise _broken(f"a message {kind!r} that is not whole") from None  # its bytes are values of rows

    def finish(self) -> None:
        """There are no more."""
        if self._xid is not None:
            raise _broken("a transaction without its commit")

    def _message(self, kind: bytes, xid: int, data: bytes) -> Iterable[Change | Commit]:
        if is_begin(data):
            self._xid = xid
        elif kind == b"R":
            described = _relation(data)
            self._relations[described.oid] = described
        elif kind == b"M":
            change = _message(data, self._prefix)
            return [msgspec.structs.replace(change, xid=self._xid)] if change is not None and self._xid else ()
        elif kind in (b"I", b"U", b"D", b"T", b"C"):
            if self._xid is None:
                raise _broken(f"{kind!r} outside of a transaction")
            if kind != b"C":
                return _changes(kind.decode(), data, self._relations, self._xid)
            commit = Commit(xid=self._xid, end=struct.unpack_from(">Q", data, 10)[0])
            self._xid = None
            return (commit,)
        elif kind not in _SKIPPED:
            raise _broken(f"the message {kind!r}, which is not known")
        return ()


def _broken(what: str) -> CaptureBroken:
    return CaptureBroken(
        f"pgoutput says {what}", hint="this version of the server is not supported: use the capture 'triggers'"
    )


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode(), end + 1


def _relation(data: bytes) -> Described:
    (oid,) = struct.unpack_from(">I", data, 1)
    schema, at = _text(data, 5)
    name, at = _text(data, at)
    (count,) = struct.unpack_from(">H", data, at + 1)
    at += 3
    columns, key = [], set[str]()
    for _ in range(count):
        flags = data[at]
        column, at = _text(data, at + 1)
        at += 8
        columns.append(column)
        if flags & _KEY:
            key.add(column)
    return Described(oid=oid, label=f"{schema}.{name}", columns=tuple(columns), key=frozenset(key))


def _message(data: bytes, prefix: str) -> Change | None:
    said, at = _text(data, 10)
    if said != prefix:
        return None
    (length,) = struct.unpack_from(">I", data, at)
    return Change(kind="M", message=data[at + 4 : at + 4 + length].decode())


def _changes(kind: str, data: bytes, relations: dict[int, Described], xid: int) -> list[Change]:
    if kind == "T":
        (count,) = struct.unpack_from(">I", data, 1)
        oids = struct.unpack_from(f">{count}I", data, 6)
        return [Change(kind=kind, xid=xid, relation=relations[oid]) for oid in oids]
    relation = relations[struct.unpack_from(">I", data, 1)[0]]
    before = after = None
    at = 5
    while at < len(data):
        part = data[at : at + 1]
        if part not in (b"N", b"O", b"K"):
            raise IndexError
        row, at = _row(data, at + 1, relation)
        if part == b"N":
            after = row
        else:
            # Of a key, the other columns are sent as NULL.
            before = row if part == b"O" else {n: v if n in relation.key else UNKNOWN for n, v in row.items()}
    return [Change(kind=kind, xid=xid, relation=relation, before=before, after=after)]


def _row(data: bytes, at: int, relation: Described) -> tuple[dict[str, Value], int]:
    (count,) = struct.unpack_from(">H", data, at)
    at += 2
    if count != len(relation.columns):
        raise IndexError
    row: dict[str, Value] = {}
    for name in relation.columns:
        kind = data[at]
        at += 1
        if kind == 0x74:  # t: text
            (length,) = struct.unpack_from(">I", data, at)
            at += 4
            if at + length > len(data):
                raise IndexError
            row[name] = data[at : at + length].decode()
            at += length
        elif kind == 0x6E:  # n: NULL
            row[name] = None
        elif kind == 0x75:  # u: a large value that has not changed
            row[name] = UNKNOWN
        else:
            raise IndexError
    return row, at
