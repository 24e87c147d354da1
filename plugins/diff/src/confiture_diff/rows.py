"""Sample rows for a scratch database, so that statements that rows can stop are known before real rows stop them.

As good as can be had without asking: a row that a table refuses is left out. Each value is made of its type and the
row's number only, so that foreign keys meet their rows by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from confiture.model import Schema, SchemaObject
from confiture.quoting import quote_ident
from confiture_diff.values import sample_value

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["insert_rows"]

#: Tables a transaction: each locks itself and its indexes.
_TABLES_AT_ONCE = 50
#: Which of the constants that a check names are tried, counted from the row's number; -1: the first.
_TRIED = (0, 1, -1)
#: A table with more columns than this makes no difference to what can fail, and takes its time.
_TIMEOUT = "20s"


async def insert_rows(ctx: Context, target: Target, schema: Schema) -> int:
    """Insert up to four rows into every table; how many went in.

    One has all columns, one only those that may not be null, one is doubled but for its keys.
    """
    import asyncpg

    count = 0
    tables = list(_blocks(schema))
    settings = {"statement_timeout": _TIMEOUT, "client_min_messages": "error"}
    async with ctx.connect(target, settings=settings) as connection:
        for start in range(0, len(tables), _TABLES_AT_ONCE):
            blocks = "\n".join(tables[start : start + _TABLES_AT_ONCE])
            text = (
                f"DO $confiture$DECLARE confiture_rows integer := 0; BEGIN\n{blocks}\n"
                "PERFORM pg_catalog.set_config('confiture.rows', confiture_rows::text, false); END$confiture$"
            )
            try:
                await connection.execute(text)
            except asyncpg.PostgresError:
                if connection.is_closed():
                    raise
                continue  # a table that breaks more than its row: the proof is made without these
            count += int(await connection.fetchval("SELECT pg_catalog.current_setting('confiture.rows')"))
    return count


def _blocks(schema: Schema) -> Iterator[str]:
    """For each table, those first that others refer to, what inserts its rows."""
    parts = _Parts(schema)
    for table in parts.in_order():
        inserts = [_insert(parts, table, number) for number in (1, 2, 3, 4)]
        text = "\n".join(insert for insert in inserts if insert)
        if text:
            yield text


class _Parts:
    """The tables of a schema with their columns, keys, checks and references."""

    def __init__(self, schema: Schema) -> None:
        self.types = {each.identity: each for each in schema.objects if each.kind in ("enum", "domain", "range type")}
        self.columns: dict[str, list[SchemaObject]] = {}
        self.tables: dict[str, SchemaObject] = {}
        self.keys: dict[str, set[str]] = {}
        self.checks: dict[str, list[str]] = {}
        self.references: dict[str, set[str]] = {}
        for each in schema.objects:
            if each.kind == "table":
                self.tables[each.identity] = each
            elif each.parent is not None:
                self._add_part(each, each.parent.identity)
        for columns in self.columns.values():
            columns.sort(key=lambda column: column.position or 0)

    def _add_part(self, each: SchemaObject, parent: str) -> None:
        properties = each.properties
        if each.kind == "column":
            self.columns.setdefault(parent, []).append(each)
        elif each.kind == "constraint":
            kind = properties.get("type")
            if kind in ("primary key", "unique", "exclusion"):
                self.keys.setdefault(parent, set()).update(_texts(properties.get("columns")))
            elif kind == "check":
                self.checks.setdefault(parent, []).append(str(properties.get("definition", "")))
            elif kind == "foreign key" and properties.get("references"):
                self.references.setdefault(parent, set()).add(str(properties["references"]))
        elif each.kind == "index" and properties.get("unique"):
            self.keys.setdefault(parent, set()).update(_texts(properties.get("columns")))
        elif each.kind == "domain constraint":
            self.checks.setdefault(parent, []).append(str(properties.get("definition", "")))

    def in_order(self) -> list[SchemaObject]:
        """The tables, what is referred to before what refers."""
        order: list[SchemaObject] = []
        seen: set[str] = set()

        def visit(identity: str) -> None:
            path = [(identity, iter(sorted(self.references.get(identity, ()))))]
            while path:
                name, following = path[-1]
                seen.add(name)
                referred = next((each for each in following if each in self.tables and each not in seen), None)
                if referred is not None:
                    path.append((referred, iter(sorted(self.references.get(referred, ())))))
                else:
                    order.append(self.tables[name])
                    path.pop()

        for identity in self.tables:
            if identity not in seen:
                visit(identity)
        return order


def _insert(parts: _Parts, table: SchemaObject, number: int) -> str:
    """What tries to insert the row of that number, and again with what the checks name where that fails."""
    names: list[str] = []
    # What is tried one after the other.
    rows: list[list[str]] = [[] for _ in range(1 + 2 * len(_TRIED))]
    literals = _check_literals(parts, table)
    keys = parts.keys.get(table.identity, set())
    for column in parts.columns.get(table.identity, ()):
        properties = column.properties
        if properties.get("generated"):
            continue
        names.append(quote_ident(column.name))
        if number == 2 and not properties.get("not_null"):
            for row in rows:
                row.append("NULL")
            continue
        which = 3 if number == 4 and column.name not in keys else number
        value = sample_value(str(properties.get("type", "text")), which, parts.types)
        named = literals.get(column.name, ())
        key = column.name in keys
        rows[0].append(value)
        for index, shift in enumerate(_TRIED):
            allowed = named[(which + shift if shift >= 0 else 0) % len(named)] if named else value
            rows[1 + 2 * index].append(value if key else allowed)
            rows[2 + 2 * index].append(allowed)
    into = f"INSERT INTO {table.identity} ({', '.join(names)}) OVERRIDING SYSTEM VALUE VALUES"
    if not names:
        return _try(f"INSERT INTO {table.identity} DEFAULT VALUES;") if number == 1 else ""
    return _try(*dict.fromkeys(f"{into} ({', '.join(row)});" for row in rows))


def _try(statement: str, *others: str) -> str:
    then = _try(*others) if others else "NULL;"
    return f"BEGIN {statement} confiture_rows := confiture_rows + 1; EXCEPTION WHEN OTHERS THEN {then} END;"


def _check_literals(parts: _Parts, table: SchemaObject) -> Mapping[str, Sequence[str]]:
    """The constants that each column's checks name: most checks list what is allowed."""
    found: dict[str, list[str]] = {}
    columns = {column.name: column for column in parts.columns.get(table.identity, ())}
    for definition in parts.checks.get(table.identity, ()):
        named, literals = _read_check(definition)
        for name in named:
            if name in columns:
                found.setdefault(name, []).extend(literals)
    for column in columns.values():
        for definition in parts.checks.get(str(column.properties.get("type")), ()):
            found.setdefault(column.name, []).extend(_read_check(definition)[1])
    return found


def _read_check(definition: str) -> tuple[set[str], list[str]]:
    """The columns and the constants (as SQL) of ``CHECK (...)``."""
    from confiture.sql.grammar import GrammarError, parse

    names: set[str] = set()
    literals: list[str] = []
    try:
        tree = parse(f"ALTER TABLE t ADD {definition}")
    except GrammarError:
        return names, literals
    for node in _messages(tree.stmts[0].stmt):
        kind = type(node).__name__
        if kind == "ColumnRef" and node.fields:
            names.add(node.fields[-1].string.sval)
        elif kind == "A_Const":
            literals += _literal(node)
    return names, literals


def _messages(message: Any) -> Iterator[Any]:
    """The message and all below it, constants too."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in value if hasattr(value, "__len__") else (value,):
                yield from _messages(each)


def _literal(node: Any) -> list[str]:
    from confiture.quoting import quote_literal

    which = node.WhichOneof("val")
    if which == "sval":
        return [quote_literal(node.sval.sval)]
    if which == "ival":
        return [str(node.ival.ival), str(node.ival.ival + 1), str(node.ival.ival - 1)]
    if which == "fval":
        return [str(node.fval.fval)]
    return []


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, tuple) else []
