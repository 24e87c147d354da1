"""Indexes and extended statistics."""

from __future__ import annotations

from confiture_catalog.rows import FIRST_USER_OID, relation_identity, select

__all__ = ["queries"]


def queries(version: int) -> list[str]:
    """One query each."""
    return [_indexes(), _statistics()]


def _indexes() -> str:
    """All of them: one that belongs to a constraint names it, and has a comment of its own all the same."""
    return select(
        "c",
        kind="'index'",
        schema="n.nspname",
        name="c.relname",
        parent=("pg_class", "i.indrelid"),
        properties={
            "definition": "pg_get_indexdef(i.indexrelid)",
            "table": "i.indrelid::regclass::text",
            "method": "am.amname",
            "unique": "i.indisunique",
            "primary": "i.indisprimary",
            "constraint": "quote_ident(k.conname)",
            "invalid": "NOT i.indisvalid",
            "not_ready": "NOT i.indisready",
            "clustered": "i.indisclustered",
            "replica_identity": "i.indisreplident",
            "tablespace": "(SELECT quote_ident(spcname) FROM pg_catalog.pg_tablespace WHERE oid = c.reltablespace)",
            "partition_of": relation_identity("parents.inhparent"),
            "statistics": "targets.targets",
        },
        source="pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_catalog.pg_class r ON r.oid = i.indrelid JOIN pg_catalog.pg_am am ON am.oid = c.relam"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " LEFT JOIN pg_catalog.pg_inherits parents ON parents.inhrelid = i.indexrelid"
        " LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')"
        " LEFT JOIN (SELECT attrelid, array_agg(attnum || '=' || attstattarget ORDER BY attnum) AS targets"
        f" FROM pg_catalog.pg_attribute WHERE attrelid >= {FIRST_USER_OID} AND attnum > 0"
        # 17 says NULL where 16 said -1; it is a setting of expressions only.
        " AND attstattarget >= 0 GROUP BY attrelid) targets ON targets.attrelid = i.indexrelid"
        f" WHERE i.indexrelid >= {FIRST_USER_OID} AND r.relkind IN ('r', 'p', 'm')",
    )


def _statistics() -> str:
    return select(
        "s",
        kind="'statistics'",
        schema="n.nspname",
        name="s.stxname",
        owner="s.stxowner",
        parent=("pg_class", "s.stxrelid"),
        properties={
            "definition": "pg_get_statisticsobjdef(s.oid)",
            "table": "s.stxrelid::regclass::text",
            "statistics": "nullif(s.stxstattarget, -1)",
        },
        source="pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace"
        f" WHERE s.oid >= {FIRST_USER_OID}",
    )
