"""A statement as a part of a script that psql runs, and that is read back as the same statement."""

from __future__ import annotations

from confiture.errors import InternalError
from confiture.model import Statement

__all__ = ["with_data"]


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
