"""Statements as the text of a script that psql runs, and that is read back as the same statements."""

from __future__ import annotations

from collections.abc import Sequence

from confiture.errors import InternalError
from confiture.model import Statement

__all__ = ["script_text", "with_data"]


def script_text(statements: Sequence[Statement]) -> str:
    """Each statement with its semicolon and, for COPY, its data; "" without any."""
    return "".join(f"{with_data(statement)}\n" for statement in statements)


def with_data(statement: Statement) -> str:
    """The statement with its semicolon, and the data of a COPY with the line that ends it."""
    # A comment at its end would swallow the semicolon, and hides none in a line of its own.
    last = statement.sql.rpartition("\n")[2]
    text = statement.sql + ("\n;" if "--" in last else ";")
    if statement.copy_data is None:
        return text
    try:
        return f"{text}\n{statement.copy_data.decode()}\\."
    except UnicodeDecodeError as error:
        raise InternalError("the data of a COPY is not UTF-8") from error
