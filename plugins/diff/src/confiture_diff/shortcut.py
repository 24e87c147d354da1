"""Whether two sides are equal by their texts alone: then no server is needed to say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from confiture.model import SourceFile, Statement

__all__ = ["equal_texts"]

#: Statements whose order among each other changes nothing but whether they run at all: each makes one named thing.
_UNORDERED = frozenset(
    {"CreateStmt", "IndexStmt", "ViewStmt", "CreateEnumStmt", "CreateSeqStmt", "CreateSchemaStmt", "CreateDomainStmt"}
    | {"CompositeTypeStmt", "CreateFunctionStmt", "CreateTrigStmt", "CreatePolicyStmt", "CreateExtensionStmt"}
)


def equal_texts(old: Sequence[SourceFile], new: Sequence[SourceFile]) -> bool:
    """Whether the same statements stand on both sides: in the same order, or in one that cannot matter.

    False says nothing. Blanks and comments between statements, and which file a statement is in, count for nothing.
    Raises ``SyntaxInvalid``, ``UnsupportedScript``.
    """
    if [file.sql for file in old] == [file.sql for file in new]:
        return True
    # Most pairs differ, and differ in this already; parsing costs ten times as much.
    if _words(old) != _words(new) and not any("--" in file.sql or "/*" in file.sql for file in (*old, *new)):
        return False
    from confiture.sql import read_script

    left, right = (read_script(files, transactions=True).statements for files in (old, new))
    if [_content(each) for each in left] == [_content(each) for each in right]:
        return True
    return all(_order_is_nothing(each) for each in left) and Counter(_content(each) for each in left) == Counter(
        _content(each) for each in right
    )


def _words(files: Sequence[SourceFile]) -> set[str]:
    return {word for file in files for word in file.sql.replace(";", " ").split()}


def _content(statement: Statement) -> tuple[str, bytes | None]:
    return statement.sql, statement.copy_data


def _order_is_nothing(statement: Statement) -> bool:
    if statement.kind not in _UNORDERED:
        return False
    words = statement.sql.lower().split(None, 3)[:3]
    # OR REPLACE: the last one counts. IF NOT EXISTS: the first one does.
    return "replace" not in words and "if" not in statement.sql.lower().split()[:4]
