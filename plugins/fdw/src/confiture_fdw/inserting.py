"""The INSERT: columns whose type differs from the target's are read anew from their text, as COPY would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from confiture.errors import Refused
from confiture.quoting import quote_ident

if TYPE_CHECKING:
    from confiture.protocols import Connection
    from confiture.transfer import Fit

__all__ = ["Insert", "insert_of"]

_COLUMNS: Final = """
SELECT a.attname::text AS name, a.atttypid AS type, n.nspname::text AS schema, t.typname::text AS type_name,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS shown
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
 WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped
"""
_TABLE: Final = """
SELECT c.oid, EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type = '3') AS ruled
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'f', 'v')
"""
_BASES: Final = """
WITH RECURSIVE chain AS (
    SELECT t.oid AS root, t.oid, t.typtype, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = ANY($1::oid[])
    UNION ALL
    SELECT c.root, t.oid, t.typtype, t.typbasetype
      FROM chain c JOIN pg_catalog.pg_type t ON t.oid = c.typbasetype WHERE c.typtype = 'd'
)
SELECT c.root, c.oid AS base, n.nspname::text AS schema, p.proname::text AS output
  FROM chain c JOIN pg_catalog.pg_type t ON t.oid = c.oid JOIN pg_catalog.pg_proc p ON p.oid = t.typoutput
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE c.typtype <> 'd'
"""
#: text and varchar are one but for the length, which the column checks.
_TEXTS: Final = frozenset({25, 1043})


class Insert(msgspec.Struct, frozen=True, kw_only=True):
    """The statement. ``anew``: the columns that are read from their texts; ``types``: what each column's is called."""

    sql: str
    anew: tuple[str, ...]
    types: dict[str, str]


async def insert_of(target: Connection, query: str, fitted: Fit, columns: Sequence[str]) -> Insert:
    """``query`` runs on the target; it is described, not run. Raises ``Refused`` for a table whose rules rewrite it."""
    table = await target.fetchrow(_TABLE, fitted.schema, fitted.table)
    if table["ruled"]:
        raise Refused(
            f"the target's {fitted.table!r} has a rule for INSERT, which COPY leaves alone and this one would not",
            hint="use the engine 'copy', or drop the rule",
        )
    given = [attribute.type.oid for attribute in (await target.prepare(query)).get_attributes()]
    known = {row["name"]: row for row in await target.fetch(_COLUMNS, table["oid"])}
    wanted = [known[name] for name in columns]
    bases = {row["root"]: row for row in await target.fetch(_BASES, list({*given, *(each["type"] for each in wanted)}))}
    values, anew = [], []
    for number, (type_, column) in enumerate(zip(given, wanted, strict=True), 1):
        value = f"w.c{number}"
        if not _same(bases[type_], bases[column["type"]]):
            read = f"{quote_ident(bases[type_]['schema'])}.{quote_ident(bases[type_]['output'])}({value})"
            type_name = f"{quote_ident(column['schema'])}.{quote_ident(column['type_name'])}"
            value = f"CAST(pg_catalog.textin({read}) AS {type_name})"
            anew.append(column["name"])
        values.append(value)
    if anew:
        names = ", ".join(f"c{number}" for number in range(1, len(columns) + 1))
        query = f"SELECT {', '.join(values)} FROM ({query}) AS w({names})"
    table_sql = f"{quote_ident(fitted.schema)}.{quote_ident(fitted.table)}"
    into = f" ({', '.join(map(quote_ident, columns))})" if columns else ""
    return Insert(
        # Identity columns take values, as they do from COPY.
        sql=f"INSERT INTO {table_sql}{into} OVERRIDING SYSTEM VALUE {query}",
        anew=tuple(anew),
        types={row["name"]: row["shown"] for row in wanted},
    )


def _same(one: Any, other: Any) -> bool:
    return one["base"] == other["base"] or {one["base"], other["base"]} <= _TEXTS
