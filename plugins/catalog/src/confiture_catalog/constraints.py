"""Constraints of tables and of domains, as PostgreSQL itself prints them."""

from __future__ import annotations

from confiture_catalog.rows import FIRST_USER_OID, relation_identity, select, word

__all__ = ["queries"]

_TYPES = {
    "p": "primary key",
    "u": "unique",
    "c": "check",
    "f": "foreign key",
    "x": "exclude",
    "n": "not null",
    "t": "trigger",
}


def queries(version: int) -> list[str]:
    """One query for the constraints of tables, one for those of domains. Before 18, NOT NULL has no constraint."""
    return [_of_tables(version), _of_domains(version)]


def _columns(key: str, relation: str) -> str:
    return (
        f"(SELECT array_agg(quote_ident(a.attname) ORDER BY u.i) FROM unnest({key}) WITH ORDINALITY u(n, i)"
        f" JOIN pg_catalog.pg_attribute a ON a.attrelid = {relation} AND a.attnum = u.n)"
    )


def _facts(version: int) -> dict[str, str]:
    return {
        "type": word("k.contype", _TYPES),
        "definition": "pg_get_constraintdef(k.oid)",
        "not_valid": "NOT k.convalidated",
        "deferrable": "k.condeferrable",
        "deferred": "k.condeferred",
    } | ({"not_enforced": "NOT k.conenforced", "period": "k.conperiod"} if version >= 18 else {})


def _of_tables(version: int) -> str:
    return select(
        "k",
        kind="'constraint'",
        schema="n.nspname",
        name="k.conname",
        identity="quote_ident(n.nspname) || '.' || quote_ident(c.relname) || '.' || quote_ident(k.conname)",
        parent=("pg_class", "k.conrelid"),
        properties=_facts(version)
        | {
            "columns": _columns("k.conkey", "k.conrelid"),
            "references": relation_identity("k.confrelid"),
            "referenced_columns": f"CASE WHEN k.confrelid <> 0 THEN {_columns('k.confkey', 'k.confrelid')} END",
            "index": "CASE WHEN k.contype IN ('p', 'u', 'x') THEN k.conindid::regclass::text END",
            "no_inherit": "k.connoinherit AND k.contype IN ('c', 'n')",
            "inherited": "k.coninhcount > 0 OR k.conparentid <> 0",
            "local": "k.coninhcount > 0 AND k.conislocal AND k.conparentid = 0 AND NOT c.relispartition",
        },
        source="pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        # The row of a constraint trigger is the trigger's.
        f" WHERE k.oid >= {FIRST_USER_OID} AND k.contype <> 't'"
        # A key to a partitioned table has one row more for each partition.
        " AND NOT (k.conparentid <> 0 AND EXISTS (SELECT FROM pg_catalog.pg_constraint whole"
        " WHERE whole.oid = k.conparentid AND whole.conrelid = k.conrelid))",
    )


def _of_domains(version: int) -> str:
    return select(
        "k",
        kind="'domain constraint'",
        schema="n.nspname",
        name="k.conname",
        identity="quote_ident(n.nspname) || '.' || quote_ident(t.typname) || '.' || quote_ident(k.conname)",
        parent=("pg_type", "k.contypid"),
        properties=_facts(version),
        source="pg_catalog.pg_constraint k JOIN pg_catalog.pg_type t ON t.oid = k.contypid"
        f" JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE k.oid >= {FIRST_USER_OID}",
    )
