"""The bytes of an SQL file as text: valid UTF-8 without NUL, or an error that names the place."""

from __future__ import annotations

from confiture.errors import SourceUnreadable

__all__ = ["decode_sql"]

_BOM = b"\xef\xbb\xbf"
_SAVE_AS_UTF8 = "save the file as UTF-8"


def decode_sql(data: bytes, shown: str) -> str:
    """The text, without a byte order mark. ``shown`` is how messages name the file.

    Raises ``SourceUnreadable``.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceUnreadable("is UTF-16, not UTF-8", file=shown, hint=_SAVE_AS_UTF8)
    skipped = len(_BOM) if data.startswith(_BOM) else 0
    try:
        text = data[skipped:].decode("utf-8")
    except UnicodeDecodeError as error:
        raise _not_utf8(data, error.start + skipped, skipped, shown) from error
    if (offset := text.find("\0")) >= 0:
        start = text.rfind("\n", 0, offset) + 1
        raise SourceUnreadable(
            "holds a NUL character, which PostgreSQL's text cannot hold",
            file=shown,
            line=text.count("\n", 0, offset) + 1,
            column=offset - start + 1,
            hint="remove it; if the file is UTF-16 without a byte order mark, save it as UTF-8",
        )
    return text


def _not_utf8(data: bytes, offset: int, skipped: int, shown: str) -> SourceUnreadable:
    start = max(data.rfind(b"\n", 0, offset) + 1, skipped)
    end = data.find(b"\n", offset)
    line = data[start : end if end >= 0 else len(data)]
    return SourceUnreadable(
        f"is not UTF-8: byte 0x{data[offset]:02x} at offset {offset}",
        file=shown,
        line=data.count(b"\n", 0, offset) + 1,
        column=len(data[start:offset].decode("utf-8")) + 1,
        source_line=line.decode("utf-8", "replace").rstrip("\r"),
        hint=f"{_SAVE_AS_UTF8}, as with `iconv -f latin1 -t utf-8`",
    )
