r"""Offsets into a file turned into lines and columns, and errors that show them.

Lines and columns count from 1, columns and offsets count characters. ``\n`` ends a line, as in psql.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from confiture.model import Origin

if TYPE_CHECKING:
    from confiture.errors import SourceError
    from confiture.model import SourceFile

__all__ = ["error_at", "origin_at", "source_line_at"]

E = TypeVar("E", bound="SourceError")


def origin_at(file: SourceFile, offset: int) -> Origin:
    """The place of that offset in the file."""
    start = file.sql.rfind("\n", 0, offset) + 1
    return Origin(file.path, file.sql.count("\n", 0, start) + 1, offset - start + 1, offset)


def source_line_at(file: SourceFile, offset: int) -> str:
    """The whole line that the offset lies in, without its end."""
    start = file.sql.rfind("\n", 0, offset) + 1
    end = file.sql.find("\n", offset)
    return file.sql[start : end if end >= 0 else len(file.sql)].rstrip("\r")


def error_at(
    kind: type[E], file: SourceFile, offset: int, message: str, *, hint: str | None = None, detail: str | None = None
) -> E:
    """An error of that kind that points at the offset. An offset past the end points behind the last character."""
    offset = max(0, min(offset, len(file.sql)))
    origin = origin_at(file, offset)
    return kind(
        message,
        hint=hint,
        detail=detail,
        file=file.path,
        line=origin.line,
        column=origin.column,
        source_line=source_line_at(file, offset),
    )
