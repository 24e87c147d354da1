"""Tables, views, materialized views, foreign tables, composite types and sequences."""

from __future__ import annotations

from confiture_catalog.rows import FIRST_USER_OID, options, relation_identity, select, word

__all__ = ["RELATION_KIND", "queries"]

#: The kind of a relation, from its relkind. Composite types are relations too.
RELATION_KIND = (
    "CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'"
    " WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'composite type' WHEN 'S' THEN 'sequence' END"
)

_TABLESPACE = "(SELECT quote_ident(spcname) FROM pg_catalog.pg_tablespace WHERE oid = c.reltablespace)"
#: How a relation is stored, for all that are.
_STORED = {
    "unlogged": "c.relpersistence = 'u'",
    "options": options("c.reloptions || (SELECT array_agg('toast.' || o) FROM unnest(toast.reloptions) o)"),
    # Their order means nothing, but pg_dump shows it.
    "~options": "c.reloptions || (SELECT array_agg('toast.' || o) FROM unnest(toast.reloptions) o)",
    "tablespace": _TABLESPACE,
    "access_method": "nullif(am.amname, 'heap')",
}
_FROM = (
    "pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam"
    " LEFT JOIN pg_catalog.pg_class toast ON toast.oid = c.reltoastrelid AND c.reltoastrelid <> 0"
)
_USERS = f"c.oid >= {FIRST_USER_OID}"


def queries(version: int) -> list[str]:
    """One query for all relations, and one for sequences."""
    return [" UNION ALL ".join((_tables(), _views(), _composites())), _sequences()]


def _tables() -> str:
    return select(
        "c",
        kind=RELATION_KIND,
        schema="n.nspname",
        name="c.relname",
        owner="c.relowner",
        properties=_STORED
        | {
            "partition_key": "CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END",
            "partition_of": "CASE WHEN c.relispartition THEN parents.names[1] END",
            "partition_bound": "CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END",
            "detach_pending": "parents.detaching",
            # What rows must be like to be in it; its bound and its parent's key say it already.
            "~partition_constraint": "CASE WHEN c.relispartition THEN pg_get_partition_constraintdef(c.oid) END",
            "inherits": "CASE WHEN NOT c.relispartition THEN parents.names END",
            "of_type": "CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END",
            "row_security": "c.relrowsecurity",
            "force_row_security": "c.relforcerowsecurity",
            # NOTHING and FULL only: the index of the third form says so itself.
            "replica_identity": word(
                "CASE WHEN c.relkind <> 'f' THEN c.relreplident END",
                {"d": None, "i": None, "f": "full", "n": "nothing"},
            ),
            "server": "quote_ident(fs.srvname)",
            "foreign_options": options("ft.ftoptions"),
        },
        source=f"{_FROM} LEFT JOIN (SELECT inhrelid, array_agg(inhparent::regclass::text ORDER BY inhseqno) AS names,"
        " bool_or(inhdetachpending) AS detaching FROM pg_catalog.pg_inherits GROUP BY inhrelid) parents"
        " ON parents.inhrelid = c.oid AND c.relkind IN ('r', 'p', 'f')"
        " LEFT JOIN pg_catalog.pg_foreign_table ft ON ft.ftrelid = c.oid"
        " LEFT JOIN pg_catalog.pg_foreign_server fs ON fs.oid = ft.ftserver"
        f" WHERE {_USERS} AND c.relkind IN ('r', 'p', 'f')",
    )


def _views() -> str:
    return select(
        "c",
        kind=RELATION_KIND,
        schema="n.nspname",
        name="c.relname",
        owner="c.relowner",
        properties=_STORED
        | {"definition": "pg_get_viewdef(c.oid)", "~populated": "c.relkind = 'm' AND c.relispopulated"},
        source=f"{_FROM} WHERE {_USERS} AND c.relkind IN ('v', 'm')",
    )


def _composites() -> str:
    """A composite type has a row in pg_type and one in pg_class, which owns its attributes; this is the latter."""
    return select(
        "c",
        kind=RELATION_KIND,
        schema="n.nspname",
        name="c.relname",
        owner="c.relowner",
        source=f"{_FROM} WHERE {_USERS} AND c.relkind = 'c'",
    )


def _sequences() -> str:
    return select(
        "c",
        kind="'sequence'",
        schema="n.nspname",
        name="c.relname",
        owner="c.relowner",
        properties={
            "type": "format_type(s.seqtypid, NULL)",
            "start": "s.seqstart",
            "increment": "s.seqincrement",
            "min": "s.seqmin",
            "max": "s.seqmax",
            "cache": "s.seqcache",
            "cycle": "s.seqcycle",
            "unlogged": "c.relpersistence = 'u'",
            "owned_by": f"{relation_identity('d.refobjid')} || '.' || quote_ident(a.attname)",
            "identity": "d.deptype = 'i'",
        },
        source="pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid"
        " AND d.objsubid = 0 AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0"
        " AND d.deptype IN ('a', 'i')"
        " LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
        f" WHERE {_USERS}",
    )
