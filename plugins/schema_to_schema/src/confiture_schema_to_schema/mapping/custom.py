"""``custom_sql`` into its parts: one INSERT .. SELECT, as somebody would run it by hand."""

from __future__ import annotations

from typing import Any

import msgspec

from confiture.sql.grammar import enum_names, walk
from confiture_schema_to_schema.mapping.expressions import SqlError, deparse, refuse_writing, statement

__all__ = ["CustomSql", "custom_sql"]

_SHAPE = "write one statement: INSERT INTO new_table (columns) SELECT ... FROM old_table"


class CustomSql(msgspec.Struct, frozen=True, kw_only=True):
    """``schema`` and ``table`` as they are written, unquoted; ``columns`` are () where it names none.

    ``select`` is the query as text, with what stood in a WITH before the INSERT. Names are as they were written.
    """

    table: str
    select: str
    schema: str | None = None
    columns: tuple[str, ...] = ()


def custom_sql(text: str) -> CustomSql:
    """What ``text`` inserts into, and the query that it takes the rows from.

    Raises :class:`~confiture_schema_to_schema.mapping.expressions.SqlError` for any other statement, and for what
    cannot be done piece by piece: RETURNING, ON CONFLICT, rows that no table gives, a query that writes.
    """
    kind, insert = statement(text, _SHAPE)
    if kind != "insert_stmt":
        raise SqlError("it is no INSERT", hint=_SHAPE)
    _check(insert)
    select = insert.select_stmt.select_stmt
    if insert.HasField("with_clause"):
        _take_with(select, insert.with_clause)
    refuse_writing(select)
    if not _reads(select):
        raise SqlError("its SELECT reads no table", hint="new rows that no old row gives belong into the seeds")
    return CustomSql(
        schema=insert.relation.schemaname or None,
        table=insert.relation.relname,
        columns=_columns(insert),
        select=deparse(select),
    )


def _check(insert: Any) -> None:
    if insert.relation.catalogname:
        raise SqlError(
            f"{insert.relation.catalogname!r} is a database, before the schema", hint="write schema.table, or the table"
        )
    if insert.HasField("on_conflict_clause"):
        raise SqlError(
            "it has ON CONFLICT, which would lose rows without a word",
            hint="choose the rows in the SELECT, with WHERE or DISTINCT ON",
        )
    if insert.HasField("returning_clause"):
        raise SqlError("it has RETURNING, and nobody would read that", hint="take it out")
    if insert.override == _overriding("OVERRIDING_USER_VALUE"):
        raise SqlError(
            "it has OVERRIDING USER VALUE: new numbers each time that a row is copied",
            hint="take it out, and leave the column out of the list",
        )
    if not insert.HasField("select_stmt"):
        raise SqlError("it has DEFAULT VALUES, and no SELECT", hint=_SHAPE)
    select = insert.select_stmt.select_stmt
    if select.values_lists:
        raise SqlError("it has VALUES, and no SELECT", hint="new rows that no old row gives belong into the seeds")


def _overriding(name: str) -> int:
    return next(number for number, each in enum_names("OverridingKind").items() if each == name)


def _take_with(select: Any, outer: Any) -> None:
    if select.HasField("with_clause"):
        raise SqlError("it has a WITH before the INSERT and one after it", hint="write one WITH, with all queries")
    select.with_clause.CopyFrom(outer)


def _columns(insert: Any) -> tuple[str, ...]:
    names = []
    for target in insert.cols:
        if target.res_target.indirection:
            raise SqlError(
                f"it fills a part of the column {target.res_target.name!r}", hint="give the whole value of the column"
            )
        names.append(target.res_target.name)
    if double := next((name for name in names if names.count(name) > 1), None):
        raise SqlError(f"it names the column {double!r} twice", hint="take one of them out")
    return tuple(names)


def _reads(select: Any) -> bool:
    """Whether it names a relation that is none of its own WITH."""
    own = {node.ctename for node in walk(select) if node.DESCRIPTOR.name == "CommonTableExpr"}
    return any(
        node.DESCRIPTOR.name == "RangeVar" and (node.schemaname or node.relname not in own) for node in walk(select)
    )
