"""What the source says of the relations, functions and types that a query names: all in a few queries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from confiture.errors import Refused
from confiture.quoting import quote_ident
from confiture_fdw.locales import read_locale
from confiture_fdw.queries import Name, ReadQuery
from confiture_fdw.types import base_of, describe_types

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["FUNCTIONS", "KeyColumn", "Layout", "Relation", "SourceColumn", "read_layout"]

#: ``bytes`` are those on the disk, with what is kept apart from the rows.
_RELATIONS: Final = """
SELECT w.number, c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
       EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid) AS inherited,
       s.rows, s.bytes
  FROM unnest($1::text[]) WITH ORDINALITY AS w(shown, number)
  JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(w.shown)
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (
       SELECT pg_catalog.sum(greatest(k.reltuples, 0))::bigint AS rows,
              pg_catalog.sum(pg_catalog.pg_table_size(k.oid))::bigint AS bytes
         FROM pg_catalog.pg_class k
        WHERE k.relkind IN ('r', 'm') AND (k.oid = c.oid OR c.relkind = 'p' AND k.oid IN (
              SELECT t.relid FROM pg_catalog.pg_partition_tree(c.oid) AS t WHERE t.isleaf))) AS s
"""
_COLUMNS: Final = """
SELECT a.attrelid AS relation, a.attname::text AS name, a.atttypid AS type,
       CASE WHEN a.atttypmod >= 0 AND t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace
            THEN pg_catalog.format_type(a.atttypid, a.atttypmod) END AS limited
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
 WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attrelid, a.attnum
"""
_SESSION: Final = """
SELECT pg_catalog.current_database()::text AS current_database, current_user::text AS current_user,
       session_user::text AS session_user, pg_catalog.current_schema()::text AS current_schema
"""
_KEYS: Final = """
SELECT a.attname::text AS name, a.atttypid AS type, pg_catalog.format('%s.%s', n.nspname, c.relname) AS relation
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
  JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE i.indisprimary AND i.indrelid = ANY($1::oid[])
"""
_CASTS: Final = """
SELECT w.number, pg_catalog.to_regtype(w.shown)::oid AS oid FROM unnest($1::text[]) WITH ORDINALITY AS w(shown, number)
"""
_EXTENSIONS: Final = """
SELECT extname::text AS name, extversion || ' ' || extnamespace::pg_catalog.regnamespace AS version
  FROM pg_catalog.pg_extension
"""
#: Functions that run on the target would be those of another database; a user's own are the same only by their text.
FUNCTIONS: Final = """
SELECT p.proname::text AS name, n.nspname::text AS schema, p.provolatile::text AS volatility,
       pg_catalog.pg_get_function_identity_arguments(p.oid) AS arguments,
       CASE WHEN p.prokind IN ('f', 'w') AND n.nspname <> 'pg_catalog'
            THEN pg_catalog.md5(pg_catalog.pg_get_functiondef(p.oid)) ELSE '' END AS body,
       EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                  AND d.objid = p.oid AND d.deptype = 'e') AS of_extension
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE p.proname = ANY($1::text[]) AND (p.provolatile = 'v' OR n.nspname <> 'pg_catalog')
"""
#: They give another value each time, and do nothing else.
_FREE: Final = frozenset(
    {"random", "random_normal", "gen_random_uuid", "uuidv4", "uuidv7", "clock_timestamp", "timeofday"}
)
_USE_COPY: Final = "use the engine 'copy', which runs the query on the source"


class SourceColumn(msgspec.Struct, frozen=True):
    """A column of a relation, and the OID of its type there.

    ``limited``: a type of PostgreSQL's own with its limits, as SQL (``numeric(10,2)``); None where it has none.
    """

    name: str
    type: int
    limited: str | None = None


class KeyColumn(msgspec.Struct, frozen=True):
    """A column of a relation's primary key, and its type: the schema and the extension that it is of."""

    relation: str
    name: str
    schema: str
    extension: str | None


class Relation(msgspec.Struct, frozen=True, kw_only=True):
    """A table or view of the source. ``row_bytes``: what a row takes there, None where nobody knows."""

    schema: str
    name: str
    columns: tuple[SourceColumn, ...]
    row_bytes: int | None

    @property
    def label(self) -> str:
        """``schema.name``, as in messages."""
        return f"{self.schema}.{self.name}"


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, for one query. ``types`` are rows of the catalogs by OID, ``functions`` those of a user's own."""

    relations: Mapping[Name, Relation]
    types: Mapping[int, Any]
    session: Mapping[str, str]
    bases: Mapping[tuple[str, ...], tuple[str, str]]
    functions: frozenset[tuple[str, str, str, str]]
    extensions: frozenset[tuple[str, str]]
    locale: str
    keys: tuple[KeyColumn, ...]
    version: int


async def read_layout(source: Connection, query: ReadQuery) -> Layout:
    """Ask the source. Raises ``Refused`` for what would not be the same on the target."""
    names = query.relations
    found = await source.fetch(_RELATIONS, [_sql(*name) for name in names])
    by_name = {names[row["number"] - 1]: row for row in found}
    for name in names:
        if name not in by_name:
            raise Refused(f"the source has no relation {_shown(*name)!r} that the query reads")
        if name in query.only and (by_name[name]["inherited"] or by_name[name]["kind"] == "p"):
            raise Refused(
                f"the query reads ONLY {_shown(*name)!r}, and a foreign table reads what inherits from it too",
                hint=_USE_COPY,
            )
    columns: dict[int, list[SourceColumn]] = {row["oid"]: [] for row in found}
    for row in await source.fetch(_COLUMNS, list(columns)) if columns else ():
        columns[row["relation"]].append(SourceColumn(row["name"], row["type"], row["limited"]))
    casts = await _casts(source, query)
    keys = await source.fetch(_KEYS, list(columns)) if columns else ()
    types = await describe_types(
        source, {*casts.values(), *(each.type for of_one in columns.values() for each in of_one)}
    )
    bases = {}
    for cast, oid in casts.items():
        if oid in types and types[oid]["kind"] == "d":
            base = types[base_of(oid, types)]
            bases[cast] = (base["schema"], base["name"])
    return Layout(
        relations={
            name: Relation(
                schema=row["schema"],
                name=row["name"],
                columns=tuple(columns[row["oid"]]),
                row_bytes=row["bytes"] // row["rows"] if row["rows"] else None,
            )
            for name, row in by_name.items()
        },
        types=types,
        session={key: value for key, value in (await source.fetchrow(_SESSION)).items() if value is not None},
        bases=bases,
        functions=await _functions(source, query),
        extensions=frozenset((row["name"], row["version"]) for row in await source.fetch(_EXTENSIONS)),
        locale=await read_locale(source) if query.folds else "",
        keys=tuple(_key(row, types) for row in keys if row["type"] in types),
        version=int(source.get_server_version()[0]),
    )


def _key(row: Any, types: Mapping[int, Any]) -> KeyColumn:
    base = types[base_of(row["type"], types)]
    return KeyColumn(row["relation"], row["name"], base["schema"], base["extension"])


def _sql(schema: str, name: str) -> str:
    return f"{quote_ident(schema)}.{quote_ident(name)}" if schema else quote_ident(name)


def _shown(schema: str, name: str) -> str:
    return f"{schema}.{name}" if schema else name


async def _casts(source: Connection, query: ReadQuery) -> dict[tuple[str, ...], int]:
    own = [names for names in query.casts if len(names) < 2 or names[-2] != "pg_catalog"]
    if not own:
        return {}
    shown = [".".join(quote_ident(part) for part in names) for names in own]
    rows = await source.fetch(_CASTS, shown)
    return {own[row["number"] - 1]: row["oid"] for row in rows if row["oid"]}


async def _functions(source: Connection, query: ReadQuery) -> frozenset[tuple[str, str, str, str]]:
    """The user's own functions that the query may mean. Raises ``Refused`` for one that needs the source."""
    if not query.functions:
        return frozenset()
    own = set()
    rows = await source.fetch(FUNCTIONS, sorted({name for _, name in query.functions}))
    for schema, name in query.functions:
        for row in rows:
            if row["name"] != name or (schema and schema != row["schema"]):
                continue
            if row["schema"] == "pg_catalog":
                if name not in _FREE:
                    raise Refused(
                        f"the query calls {name!r}, which would be called on the target: it may write, or reads what "
                        "belongs to one database",
                        hint=_USE_COPY,
                    )
            elif not row["of_extension"]:
                if row["volatility"] != "i":
                    raise Refused(
                        f"the query calls '{row['schema']}.{name}', which is not IMMUTABLE: on the target it may find "
                        "other rows",
                        hint=_USE_COPY,
                    )
                own.add((row["schema"], name, row["arguments"], row["body"]))
    return frozenset(own)
