"""Which relations a statement names, as PostgreSQL's grammar reads it."""

from __future__ import annotations

from typing import Any

from confiture.migrations.backfill import Backfill
from confiture.model import Statement
from confiture.quoting import quote_ident
from confiture.sql.grammar import GrammarError, parse, string_values, unwrap, walk

__all__ = ["backfilled", "node_of", "range_name", "relations_of"]


def node_of(statement: Statement) -> Any:
    """The parsed statement; None where it is not exactly one."""
    try:
        found = parse(statement.sql).stmts
    except GrammarError:
        return None
    return unwrap(found[0].stmt) if len(found) == 1 else None


def range_name(relation: Any) -> str:
    """A RangeVar as SQL text, without the alias."""
    return ".".join(quote_ident(part) for part in (relation.schemaname, relation.relname) if part)


def backfilled(statement: Backfill) -> Any:
    """The table of a backfill, with the alias if it has one: a RangeVar."""
    return unwrap(parse(f"UPDATE {statement.table}\nSET x = 1").stmts[0].stmt).relation


def relations_of(statement: Statement) -> tuple[str, ...]:
    """The relations that it may have to wait for, as SQL text: what its effects say, else all that it names."""
    if statement.effects is not None and statement.effects.tables:
        return statement.effects.tables
    if isinstance(statement, Backfill):
        return (range_name(backfilled(statement)),)
    node = node_of(statement)
    if node is None:
        return ()
    names = [range_name(each) for each in walk(node) if type(each).__name__ == "RangeVar"]
    if type(node).__name__ == "DropStmt":
        for item in node.objects:
            if item.WhichOneof("node") == "list":
                names.append(".".join(quote_ident(part) for part in string_values(item.list.items) if part))
    return tuple(dict.fromkeys(names))
