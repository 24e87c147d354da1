"""What a database already holds, beyond what every new database has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from confiture.protocols import Connection

__all__ = ["Found", "contents", "describe"]

# Members of extensions, empty schemas, our own schema and the history of migrations, wherever it is, do not count
# (deptype 'e', the NOT IN, and the parameters). Objects of initdb have OIDs below 16384 (FirstNormalObjectId,
# access/transam.h).
_MEMBERS = "SELECT 1 FROM pg_depend e WHERE e.classid = '{catalog}'::regclass AND e.objid = x.oid AND e.deptype = 'e'"
# Sequences of identity and serial columns are told with their tables.
_FREE = """ AND NOT EXISTS (SELECT 1 FROM pg_depend s WHERE x.relkind = 'S' AND s.classid = 'pg_class'::regclass
 AND s.objid = x.oid AND s.refclassid = 'pg_class'::regclass AND s.deptype IN ('a', 'i'))"""
_IN_SCHEMAS = (
    (
        "pg_class",
        "relnamespace",
        "relname",
        f"x.relkind IN ('r','p','v','m','S','f','c') AND NOT x.relispartition{_FREE}"
        " AND (n.nspname, x.relname) <> ($1, $2)",
    ),
    ("pg_proc", "pronamespace", "proname", "true"),
    ("pg_type", "typnamespace", "typname", "x.typtype IN ('d','e','r') "),
    ("pg_operator", "oprnamespace", "oprname", "true"),
    ("pg_collation", "collnamespace", "collname", "true"),
    ("pg_conversion", "connamespace", "conname", "true"),
    ("pg_opfamily", "opfnamespace", "opfname", "true"),
    ("pg_ts_config", "cfgnamespace", "cfgname", "true"),
    ("pg_ts_dict", "dictnamespace", "dictname", "true"),
)
_OF_DATABASE = (
    ("pg_event_trigger", "evtname", "event trigger"),
    ("pg_publication", "pubname", "publication"),
    ("pg_foreign_server", "srvname", "foreign server"),
)
_KINDS = """CASE x.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view'
 WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' ELSE 'type' END"""
_LABELS = {
    "pg_proc": "function",
    "pg_type": "type",
    "pg_operator": "operator",
    "pg_collation": "collation",
    "pg_conversion": "conversion",
    "pg_opfamily": "operator family",
    "pg_ts_config": "text search configuration",
    "pg_ts_dict": "text search dictionary",
}


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """How many objects of a kind there are, and the first names."""

    kind: str
    count: int
    names: tuple[str, ...]


def _query() -> str:
    parts = []
    for catalog, namespace, name, condition in _IN_SCHEMAS:
        kind = _KINDS if catalog == "pg_class" else f"'{_LABELS[catalog]}'"
        parts.append(
            f"SELECT {kind} AS kind, n.nspname || '.' || x.{name} AS name FROM {catalog} x"
            f" JOIN pg_namespace n ON n.oid = x.{namespace}"
            f" WHERE x.oid >= 16384 AND ({condition}) AND n.nspname NOT IN ('confiture', 'information_schema')"
            f" AND NOT starts_with(n.nspname, 'pg_') AND NOT EXISTS ({_MEMBERS.format(catalog=catalog)})"
        )
    for catalog, name, kind in _OF_DATABASE:
        parts.append(
            f"SELECT '{kind}', x.{name}::text FROM {catalog} x"
            f" WHERE x.oid >= 16384 AND NOT EXISTS ({_MEMBERS.format(catalog=catalog)})"
        )
    parts.append("SELECT 'large object', x.oid::text FROM pg_largeobject_metadata x")
    everything = " UNION ALL ".join(parts)
    return (
        f"SELECT kind, count(*) AS count, (array_agg(name ORDER BY name))[1:3] AS names FROM ({everything}) o"
        " GROUP BY kind ORDER BY count(*) DESC, kind"
    )


async def contents(connection: Connection, schema: str, table: str) -> tuple[Found, ...]:
    """What is there, the most frequent kind first; () for a database that counts as empty.

    ``schema`` and ``table`` are where the history of migrations is.
    """
    rows = await connection.fetch(_query(), schema, table)
    return tuple(Found(kind=row["kind"], count=row["count"], names=tuple(row["names"])) for row in rows)


def describe(found: tuple[Found, ...]) -> str:
    """``12 tables (public.a, public.b, ...), 1 view (public.v)``."""
    parts = []
    for item in found:
        more = ", ..." if item.count > len(item.names) else ""
        parts.append(f"{item.count} {item.kind}{'s' if item.count != 1 else ''} ({', '.join(item.names)}{more})")
    return ", ".join(parts)
