"""The SQL by which a part is brought up to date. Keys are in settings and bind values, never in a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from confiture.quoting import quote_ident
from confiture_schema_to_schema.compiling import with_condition
from confiture_schema_to_schema.copying.beginning import relation_of

if TYPE_CHECKING:
    from confiture.model import CapturedTable
    from confiture_schema_to_schema.capturing import Followed, Touch, Watch
    from confiture_schema_to_schema.values import Job, Table

__all__ = ["CAME", "CHANGED", "KEPT", "KEYS", "Statements", "statements_of"]

#: Temporary tables of a part that is an upsert: rows as they were, and as they came.
KEPT: Final = "confiture_kept"
CAME: Final = "confiture_came"

#: Settings of the source's session: keys of the driving table, rows of a lookup. JSON arrays of arrays of texts.
KEYS: Final = "confiture.follow_keys"
CHANGED: Final = "confiture.follow_changed"


class Statements(msgspec.Struct, frozen=True, kw_only=True):
    """Those of a part. ``table`` is the target's; ``key`` says where the driving key is among what is captured.

    ``identities`` gives what finds the rows of :data:`KEYS` on the target, as texts; None: the keys themselves do, in
    the order ``plain``. ``reread`` gives the rows of :data:`KEYS`. ``delete`` (of identities, as JSON),
    ``delete_all`` (of the part) and ``delete_every`` (of the table) run on the target. Of a part that is an upsert,
    ``keep`` (of identities in the setting :data:`KEYS`) and ``keep_all`` give rows as they are, ``form`` none with the
    columns that come; ``clear`` takes out those that came, where they are there yet, ``put_back`` and ``add`` write
    them, with what was kept or without.
    ``touches``: of a lookup, by which changed rows, the query that gives keys as texts.
    """

    followed: Followed
    table: Table
    key: tuple[int, ...]
    identities: str | None
    plain: tuple[int, ...]
    reread: str
    delete: str
    delete_all: str
    delete_every: str
    touches: tuple[tuple[str, str], ...]
    keep: str = ""
    keep_all: str = ""
    form: str = ""
    clear: str = ""
    put_back: str = ""
    add: str = ""


def statements_of(job: Job, watch: Watch) -> tuple[Statements, ...]:
    """Of every part, in the order of the numbers."""
    tables = {table.label: table.table for table in job.tables}
    captured = {table.label: table for table in watch.tables}
    return tuple(_statements(job, each, tables[each.part.target], captured) for each in watch.parts)


def _statements(job: Job, followed: Followed, table: Table, captured: dict[str, CapturedTable]) -> Statements:
    part = followed.part
    relation = relation_of(table)
    delete_every = f"DELETE FROM {relation}"
    delete_all = f"{delete_every} AS t{_where(followed.apart)}"
    if part.within is not None:
        delete_all += f" {'AND' if followed.apart else 'WHERE'} ({part.within})"
    if followed.full_refresh:
        return Statements(
            followed=followed, table=table, key=(), identities=None, plain=(), reread="", delete="",
            delete_all=delete_all, delete_every=delete_every, touches=(),
        )  # fmt: skip
    source = job.old.tables[part.source]
    typed = _typed(source, part.key, KEYS)
    columns = ", ".join(f"{part.alias}.{quote_ident(name)}" for name in part.key)
    quoted = [quote_ident(name) for name in part.key]
    sqls = [sql for _, sql in followed.identity]
    identities, plain = None, tuple(quoted.index(sql) for sql in sqls if sql in quoted)
    if len(plain) != len(sqls):
        given = ", ".join(f"CAST({sql} AS text)" for sql in sqls)
        identities, plain = f"SELECT DISTINCT {given} FROM ({typed}) AS k", ()
    names = [name for name, _ in followed.identity]
    found = _found(table, names)
    same = " AND ".join(f"t.{quote_ident(name)} = k.{quote_ident(name)}" for name in names)
    statements = Statements(
        followed=followed,
        table=table,
        key=tuple(captured[part.source].columns.index(name) for name in part.key),
        identities=identities,
        plain=plain,
        reread=with_condition(part, f"({columns}) IN ({typed})"),
        delete=f"DELETE FROM {relation} AS t USING ({found}) AS k WHERE {same}{_where(followed.apart, 'AND')}",
        delete_all=delete_all,
        delete_every=delete_every,
        touches=tuple((touch.table, _touch(job, touch, captured, len(part.key))) for touch in followed.touches),
    )
    return _upsert(statements, found, same) if followed.upsert else statements


def _typed(table: Table, columns: Sequence[str], setting: str) -> str:
    """The rows of a setting with the types that these columns have."""
    outputs = []
    for number, name in enumerate(columns):
        column = table.column(name)
        assert column is not None
        outputs.append(f"(v ->> {number})::{column.base} AS {quote_ident(name)}")
    return (
        f"SELECT {', '.join(outputs)} FROM pg_catalog.jsonb_array_elements("
        f"pg_catalog.current_setting('{setting}')::pg_catalog.jsonb) AS e(v)"
    )


def _found(table: Table, names: Sequence[str]) -> str:
    outputs = []
    for number, name in enumerate(names):
        column = table.column(name)
        assert column is not None
        outputs.append(f"(v ->> {number})::{column.base} AS {quote_ident(name)}")
    return f"SELECT DISTINCT {', '.join(outputs)} FROM pg_catalog.jsonb_array_elements($1::text::jsonb) AS e(v)"


def _where(constants: Sequence[tuple[str, str]], word: str = "WHERE") -> str:
    if not constants:
        return ""
    return f" {word} " + " AND ".join(f"t.{quote_ident(name)} = {sql}" for name, sql in constants)


def _touch(job: Job, touch: Touch, captured: dict[str, CapturedTable], width: int) -> str:
    names = captured[touch.table].columns
    changed = _typed(job.old.tables[touch.table], names, CHANGED)
    keys = ", ".join(f"k{number}" for number in range(width))
    texts = ", ".join(f"CAST(k{number} AS text)" for number in range(width))
    return f"WITH changed AS ({changed}) SELECT DISTINCT {texts} FROM ({touch.query}) AS touched({keys})"


def _upsert(statements: Statements, found: str, same: str) -> Statements:
    """Rows are taken out with what the part does not know of them, and come back with it.

    Not by UPDATE: a unique value that moves from one row to another would be there twice for a moment.
    """
    table, part = statements.table, statements.followed.part
    relation = relation_of(table)
    kept = [column.name for column in table.columns if not column.generated and column.name not in part.columns]
    names = [name for name, _ in statements.followed.identity]
    both = " AND ".join(f"kept.{quote_ident(name)} = came.{quote_ident(name)}" for name in names)
    there = " AND ".join(f"t.{quote_ident(name)} = came.{quote_ident(name)}" for name in names)
    came = [f"came.{quote_ident(name)}" for name in part.columns]
    columns = ", ".join(quote_ident(name) for name in part.columns)
    into = ", ".join(quote_ident(name) for name in (*part.columns, *kept))
    values = ", ".join([*came, *(f"kept.{quote_ident(name)}" for name in kept)])
    tables = f"pg_temp.{KEPT}_{part.number} AS kept", f"pg_temp.{CAME}_{part.number} AS came"
    keys = found.replace("$1::text", f"pg_catalog.current_setting('{KEYS}')")
    apart = statements.followed.apart
    return msgspec.structs.replace(
        statements,
        keep=f"SELECT t.* FROM {relation} AS t JOIN ({keys}) AS k ON {same}{_where(apart, 'AND')}",
        keep_all=f"SELECT t.* FROM {relation} AS t{_where(apart)}",
        form=f"SELECT {columns} FROM {relation} WHERE false",
        clear=f"DELETE FROM {relation} AS t USING {tables[1]} WHERE {there}",
        put_back=f"INSERT INTO {table.sql} ({into}) OVERRIDING SYSTEM VALUE SELECT {values}"
        f" FROM {tables[1]} JOIN {tables[0]} ON {both}",
        add=f"INSERT INTO {table.sql} ({columns}) OVERRIDING SYSTEM VALUE SELECT {', '.join(came)}"
        f" FROM {tables[1]} WHERE NOT EXISTS (SELECT FROM {tables[0]} WHERE {both})",
    )
