"""The indentation of SQL that stands in Python: which lines are free to move, and which are part of a value."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from confiture.model import Origin, Statement

__all__ = ["dedented", "lines_are_free", "without_indent"]


def lines_are_free(sql: str) -> bool:
    """Whether every line of ``sql`` begins between two words of it, so that its indentation means nothing.

    Not so where a string, the body of a function, a quoted name or a comment goes over several lines.
    """
    if "\n" not in sql:
        return True
    import postgast

    try:
        tokens = postgast.scan(sql).tokens
    except postgast.PgQueryError:
        return False
    encoded = sql.encode()
    return not any(b"\n" in encoded[token.start : token.end] for token in tokens)


def dedented(text: str, statements: Sequence[Statement]) -> tuple[str, list[Statement]]:
    """The text and its statements, each taken to begin where its own first line begins.

    A statement whose lines are not free stays as it is. The origins' offsets are those in the new text.
    """
    parts: list[str] = []
    found: list[Statement] = []
    end = length = 0
    for statement in statements:
        assert statement.origin is not None
        start = statement.origin.offset
        before = text[end:start]
        sql = without_indent(statement.sql, _indent(text, start))
        parts += (before, sql)
        origin = Origin(statement.origin.file, statement.origin.line, 1, length + len(before))
        found.append(msgspec.structs.replace(statement, sql=sql, origin=origin))
        length += len(before) + len(sql)
        end = start + len(statement.sql)
    return "".join(parts) + text[end:], found


def without_indent(sql: str, indent: str) -> str:
    """``sql`` without that indentation before its second and later lines, if all of them have it and are free."""
    first, *rest = sql.split("\n")
    if not indent or not rest or not all(line.startswith(indent) for line in rest if line.strip()):
        return sql
    if not lines_are_free(sql):
        return sql
    return "\n".join((first, *(line.removeprefix(indent) if line.strip() else line for line in rest)))


def _indent(text: str, offset: int) -> str:
    """What stands before the offset in its line, if it is nothing but spaces."""
    before = text[text.rfind("\n", 0, offset) + 1 : offset]
    return before if not before.strip(" \t") else ""
