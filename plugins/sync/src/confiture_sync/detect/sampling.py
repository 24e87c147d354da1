"""Looks at a sample of a table's rows, on the source: what comes back are counts, by column and class."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from confiture.errors import ExecutionError
from confiture.masking import MaskColumn, ValueType
from confiture.quoting import quote_ident
from confiture_sync.detect.patterns import PATTERNS
from confiture_sync.detect.words import key_classes
from confiture_sync.values import SyncTable

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["SAMPLE_ROWS", "Content", "sample"]

SAMPLE_ROWS: Final = 1000
#: So many of them are the table's first: a table that is mostly empty pages has none elsewhere.
_FIRST_ROWS: Final = 200
#: A table of fewer pages is read from its beginning, and whole if it is as short as the sample.
_WHOLE_BYTES: Final = 2_000_000
_PAGE_BYTES: Final = 8192
#: insufficient_privilege: no SELECT, or a policy, since row_security is off.
_DENIED: Final = "42501"
#: Of a long text, the beginning. A longer document is looked at as text, its keys are not.
_TEXT: Final = 2000
_DOCUMENT: Final = 20_000


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """``rows`` have a value; ``hits`` are how many of them are of each of :data:`PATTERNS`, by its place.

    ``keys``: how many have a key of JSON of that class.
    """

    rows: int
    hits: tuple[int, ...] = ()
    keys: Mapping[str, int] = {}


async def sample(connection: Connection, table: SyncTable, columns: Collection[str]) -> Mapping[str, Content]:
    """What a sample of the table's rows has in ``columns``; those whose type tells nothing are left out.

    One query, of about a thousand rows. Raises ``ExecutionError`` where the table cannot be read, without a value.
    """
    import asyncpg

    chosen = [column for column in table.mask.columns if column.name in columns and _looks(column)]
    if not chosen:
        return {}
    try:
        rows = await connection.fetch(_query(table, chosen), json.dumps(dict(key_classes())))
    except asyncpg.PostgresError as error:
        denied = "the role may not read them, or a row-level security policy hides some"
        failure = ExecutionError(
            f"rows of {table.label!r} could not be looked at: "
            f"{denied if error.sqlstate == _DENIED else type(error).__name__}",
            hint="SELECT on the whole table is needed, and BYPASSRLS where it has a policy; --exclude leaves it out",
            sqlstate=error.sqlstate,
        )
    else:
        return _counted(chosen, rows)
    raise failure from None  # out of the handler: the driver's error may hold a value


def _counted(chosen: list[MaskColumn], rows: list[Any]) -> Mapping[str, Content]:
    counts: dict[int, tuple[int, tuple[int, ...]]] = {}
    keys: dict[int, dict[str, int]] = {}
    for row in rows:
        if row["whole"]:
            counts[row["i"]] = (row["count"], tuple(row[f"h{place}"] for place in range(len(PATTERNS))))
        elif row["k"] is not None:
            keys.setdefault(row["i"], {})[row["k"]] = row["count"]
    return {
        chosen[number].name: Content(rows=count, hits=hits, keys=keys.get(number, {}))
        for number, (count, hits) in counts.items()
    }


def _looks(column: MaskColumn) -> bool:
    """Whether values of the column's type can be told."""
    type_ = column.type.element or column.type
    return _is_text(type_) or _is_document(type_) or _is_number(type_)


def _is_text(type_: ValueType) -> bool:
    return type_.is_text or type_.name in ("xml", "hstore", "tsvector", "bpchar")


def _is_document(type_: ValueType) -> bool:
    return type_.name in ("json", "jsonb") or type_.category == "C"


def _is_number(type_: ValueType) -> bool:
    """Whole numbers of as many digits as a card's."""
    return type_.name == "int8" or (type_.name == "numeric" and not type_.scale)


def _query(table: SyncTable, columns: list[MaskColumn]) -> str:
    sources = " UNION ALL ".join(_values(number, column) for number, column in enumerate(columns))
    tests = ",\n       ".join(
        f"count(DISTINCT r) FILTER (WHERE {'' if pattern.numbers else 'NOT n AND '}({pattern.sql})) AS h{place}"
        for place, pattern in enumerate(PATTERNS)
    )
    # OFFSET 0: a value is taken out of its row once, not once a test.
    return f"""
        SELECT i, k, grouping(k) = 1 AS whole, count(DISTINCT r) AS count, {tests}
          FROM (SELECT s.r, x.i, x.v COLLATE "C" AS v, x.k, x.n
                  FROM (SELECT row_number() OVER () AS r, t.* FROM ({_rows(table, columns)}) AS t) AS s
                 CROSS JOIN LATERAL ({sources}) AS x
                 WHERE x.v <> '' AND $1::jsonb IS NOT NULL OFFSET 0) AS seen
         GROUP BY GROUPING SETS ((i), (i, k))
    """


def _rows(table: SyncTable, columns: list[MaskColumn]) -> str:
    outputs = ", ".join(f"{quote_ident(column.name)} AS c{number}" for number, column in enumerate(columns))
    relation = f"{'ONLY ' if table.mask.only else ''}{table.sql}"
    first = f"(SELECT {outputs} FROM {relation} LIMIT {{}})"
    if table.bytes <= _WHOLE_BYTES:
        return first.format(SAMPLE_ROWS)
    # Some pages from all over the table: what came in its first days is not like the rest. Twice as many as needed,
    # so that LIMIT does not cut where pages have fewer rows than the average.
    pages = table.bytes / _PAGE_BYTES
    wanted = SAMPLE_ROWS / max(table.rows / pages, 1.0) if table.rows else SAMPLE_ROWS / 10
    percent = min(max(100.0 * 2 * wanted / pages, 0.0001), 100.0)
    some = f"TABLESAMPLE SYSTEM ({percent:.6f}) REPEATABLE (1) LIMIT {SAMPLE_ROWS - _FIRST_ROWS}"
    sampled = f"(SELECT {outputs} FROM {relation} {some})"
    return f"{sampled} UNION ALL {first.format(_FIRST_ROWS)}"


def _values(number: int, column: MaskColumn) -> str:
    """SQL of a relation: number of the column, text, class of the key, whether it is a number."""
    value, type_ = f"s.c{number}", column.type
    inner = type_.element or type_
    if _is_document(inner):
        return _document_values(number, value, type_, inner)
    numeric = "true" if _is_number(inner) else "false"
    if type_.element is not None:
        return (
            f'SELECT {number} AS i, left(e::text COLLATE "C", {_TEXT}) AS v, NULL::text AS k, {numeric} AS n '
            f"FROM unnest({value}) AS e"
        )
    return f'SELECT {number} AS i, left({value}::text COLLATE "C", {_TEXT}) AS v, NULL::text AS k, {numeric} AS n'


def _document_values(number: int, value: str, type_: ValueType, inner: ValueType) -> str:
    """Every text of a document, and every number with a key that is known, each with the class of its key."""
    text = f"{value}::text"
    # What json may hold and jsonb may not: it is looked at as text.
    fits = f"octet_length({text}) <= {_DOCUMENT}"
    if inner.name == "json":
        fits += rf" AND {text} !~* '\\u(0000|d[89a-f])' AND {text} !~* '[0-9]e[+]?[0-9]{{4}}'"
    made = f"{value}::jsonb" if type_.element is None and inner.category != "C" else f"to_jsonb({value})"
    parts = "string_to_array(lower(regexp_replace(f.key, '([a-z0-9])([A-Z])', '\\1_\\2', 'g')), '_')"
    letters = "translate({}, '0123456789- .:', '')"
    joined = letters.format("array_to_string(w, '')")
    last_two = letters.format("array_to_string(w[array_length(w, 1) - 1:], '')")
    last = letters.format("w[array_length(w, 1)]")
    known = f"coalesce($1::jsonb ->> {joined}, $1::jsonb ->> {last_two}, $1::jsonb ->> {last})"
    return f"""
        SELECT {number} AS i, left(e.v COLLATE "C", {_TEXT}) AS v, e.k, false AS n
          FROM (SELECT CASE WHEN {fits} THEN {made} END AS d OFFSET 0) AS doc
         CROSS JOIN LATERAL (
               SELECT f.value #>> '{{}}' AS v, nullif(known.k, '-') AS k
                 FROM jsonb_path_query(doc.d, 'strict $.** ? (@.type() == "object")') AS o,
                      jsonb_each(o) AS f, LATERAL (SELECT {parts} AS w OFFSET 0) AS words,
                      LATERAL (SELECT {known} AS k OFFSET 0) AS known
                WHERE jsonb_typeof(f.value) = 'string'
                   OR (jsonb_typeof(f.value) = 'number' AND known.k IN ('phone', 'card', 'national-id', 'bank'))
               UNION ALL
               SELECT g #>> '{{}}', NULL
                 FROM jsonb_path_query(doc.d, 'strict $.** ? (@.type() == "array")') AS a, jsonb_array_elements(a) AS g
                WHERE jsonb_typeof(g) = 'string'
               UNION ALL
               SELECT doc.d #>> '{{}}', NULL WHERE jsonb_typeof(doc.d) = 'string'
               UNION ALL
               SELECT {text}, NULL WHERE doc.d IS NULL AND {value} IS NOT NULL
               ) AS e"""
