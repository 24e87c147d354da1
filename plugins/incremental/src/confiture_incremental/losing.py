"""What migrations make that no schema holds: rows, and what belongs to the server. A squash would lose it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.migrations.backfill import Backfill
from confiture.sql.grammar import parse, unwrap
from confiture.sql.scratch import fit_for_scratch

if TYPE_CHECKING:
    from confiture.migrations.loading import ReadMigration
    from confiture.model import Statement

__all__ = ["Lost", "lost_in"]

#: What may make rows: nobody knows what a block or a function does.
_MAKERS = frozenset({"InsertStmt", "MergeStmt", "CopyStmt", "DoStmt", "CallStmt", "ExecuteStmt"})
#: What changes rows that are there: in a new database, those that a maker made.
_CHANGERS = frozenset({"UpdateStmt", "DeleteStmt", "TruncateStmt"})
#: What belongs to the server.
_ROLES = frozenset({"CreateRoleStmt", "GrantRoleStmt"})
#: What is no part of a schema, and leaves nothing behind.
_WITHOUT_TRACE = frozenset({"VACUUM", "CHECKPOINT", "SET CONSTRAINTS"})
#: How a batched UPDATE begins that was written as SQL.
_BACKFILL = "DO $backfill"


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """A statement, and where it is."""

    file: str
    number: int | None
    text: str

    @property
    def line(self) -> str:
        """For a list."""
        where = self.file if self.number is None else f"{self.file}:{self.number}"
        return f"{where}: {self.text}"


def lost_in(migrations: Sequence[ReadMigration]) -> list[Lost]:
    """The statements whose effect no schema holds.

    An UPDATE or DELETE, or a backfill, does nothing in a new database unless something has made rows there: they are
    named only beside what does. Raises ``SourceError`` and its kin for a migration that cannot be read.
    """
    found: list[tuple[bool, Lost]] = []
    for migration in migrations:
        for statement in migration.record("up").statements:
            makes = _makes(statement)
            if makes or _changes(statement):
                origin = statement.origin
                first = " ".join(statement.sql.split("\n", 1)[0].split())
                place = Lost(file=migration.file.shown, number=origin.line if origin else None, text=first)
                found.append((makes, place))
    return [place for _, place in found] if any(makes for makes, _ in found) else []


def _makes(statement: Statement) -> bool:
    if isinstance(statement, Backfill) or statement.sql.startswith(_BACKFILL):
        return False
    if statement.kind in _MAKERS or statement.kind in _ROLES:
        return True
    if statement.kind in ("SelectStmt", "UpdateStmt", "DeleteStmt", "CreateTableAsStmt"):
        node = unwrap(parse(statement.sql).stmts[0].stmt)
        if statement.kind == "SelectStmt":
            return not statement.session
        if statement.kind == "CreateTableAsStmt":
            return _fills_a_table(node)
        return _inserts_first(node)
    fitting, name = fit_for_scratch(statement)
    return fitting is None and name not in _WITHOUT_TRACE


def _changes(statement: Statement) -> bool:
    return isinstance(statement, Backfill) or statement.sql.startswith(_BACKFILL) or statement.kind in _CHANGERS


def _fills_a_table(node: Any) -> bool:
    from postgast import pg_query_pb2 as pb

    return pb.ObjectType.Name(node.objtype) == "OBJECT_TABLE" and not node.into.skip_data


def _inserts_first(node: Any) -> bool:
    """Whether its WITH holds an INSERT."""
    queries = (unwrap(each.common_table_expr.ctequery) for each in node.with_clause.ctes)
    return any(type(query).__name__ in _MAKERS for query in queries)
