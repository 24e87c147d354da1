"""Columns of tables, views and foreign tables, the attributes of composite types, and columns' defaults."""

from __future__ import annotations

from confiture_catalog.rows import FIRST_USER_OID, options, select, word

__all__ = ["queries"]

_STORAGE = {"p": "plain", "e": "external", "m": "main", "x": "extended"}


def queries(version: int) -> list[str]:
    """One query for the columns of all relations, one for their defaults."""
    return [
        select(
            "a",
            kind="CASE WHEN c.relkind = 'c' THEN 'attribute' ELSE 'column' END",
            schema="n.nspname",
            name="a.attname",
            identity="quote_ident(n.nspname) || '.' || quote_ident(c.relname) || '.' || quote_ident(a.attname)",
            parent=("pg_class", "a.attrelid"),
            catalog="pg_class",
            oid="a.attrelid",
            sub="a.attnum",
            # Not attnum: columns that were dropped leave gaps.
            position="row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum)",
            properties={
                "type": "format_type(a.atttypid, a.atttypmod)",
                "collation": "CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END",
                "not_null": "a.attnotnull",
                "generated": word("a.attgenerated", {"": None, "s": "stored", "v": "virtual"}),
                "generation": "CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END",
                "identity": word("a.attidentity", {"": None, "a": "always", "d": "by default"}),
                "storage": f"CASE WHEN a.attstorage <> t.typstorage THEN {word('a.attstorage', _STORAGE)} END",
                "compression": word("a.attcompression", {"": None, "p": "pglz", "l": "lz4"}),
                "statistics": "nullif(a.attstattarget, -1)",
                "options": options("a.attoptions"),
                "foreign_options": options("a.attfdwoptions"),
                "inherited": "a.attinhcount > 0",
                # A column of a child may be its own and its parent's; a partition's is never its own alone.
                "local": "a.attinhcount > 0 AND a.attislocal AND NOT c.relispartition",
                # The order of a row type's attributes is the order of its values; a table's is only a layout.
                "position": "CASE WHEN c.relkind = 'c' THEN"
                " row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) END",
            },
            source="pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
            " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
            " JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
            " LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
            f" WHERE a.attrelid >= {FIRST_USER_OID} AND a.attnum > 0 AND NOT a.attisdropped"
            " AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')",
        ),
        _defaults(),
    ]


def _defaults() -> str:
    """An object of its own, as in pg_attrdef: it needs what its column does not, such as a function or a sequence."""
    return select(
        "d",
        kind="'default'",
        schema="n.nspname",
        name="a.attname",
        identity="quote_ident(n.nspname) || '.' || quote_ident(c.relname) || '.' || quote_ident(a.attname)",
        parent=("pg_class", "d.adrelid"),
        properties={
            "expression": "pg_get_expr(d.adbin, d.adrelid)",
            "inherited": "a.attinhcount > 0",
        },
        source="pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid"
        " AND a.attnum = d.adnum JOIN pg_catalog.pg_class c ON c.oid = d.adrelid"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE d.oid >= {FIRST_USER_OID} AND a.attgenerated = '' AND NOT a.attisdropped",
    )
