"""Enums, domains, ranges, base and shell types, and collations. Composite types are with the relations."""

from __future__ import annotations

from confiture_catalog.rows import FIRST_USER_OID, not_internal, regproc, select, word

__all__ = ["queries"]

_FROM = "pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace"
_STORAGE = {"p": None, "e": "external", "m": "main", "x": "extended"}


def queries(version: int) -> list[str]:
    """One query for all types, one for collations."""
    return [" UNION ALL ".join((_enums(), _domains(), _ranges(), _bases(), _shells())), _collations(version)]


def _type(kind: str, properties: dict[str, str], source: str, where: str) -> str:
    return select(
        "t",
        kind=f"'{kind}'",
        schema="n.nspname",
        name="t.typname",
        owner="t.typowner",
        properties=properties,
        source=f"{source} WHERE t.oid >= {FIRST_USER_OID} AND {where}",
    )


def _enums() -> str:
    labels = (
        "(SELECT array_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid)"
    )
    return _type("enum", {"labels": labels}, _FROM, "t.typtype = 'e'")


def _domains() -> str:
    properties = {
        "type": "format_type(t.typbasetype, t.typtypmod)",
        "collation": "CASE WHEN t.typcollation <> b.typcollation THEN t.typcollation::regcollation::text END",
        "not_null": "t.typnotnull",
        "default": "coalesce(pg_get_expr(t.typdefaultbin, 0), quote_literal(t.typdefault))",
    }
    return _type("domain", properties, f"{_FROM} JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype", "t.typtype = 'd'")


def _ranges() -> str:
    properties = {
        "subtype": "format_type(r.rngsubtype, NULL)",
        "operator_class": "(SELECT quote_ident(qn.nspname) || '.' || quote_ident(o.opcname)"
        " FROM pg_catalog.pg_opclass o"
        " JOIN pg_catalog.pg_namespace qn ON qn.oid = o.opcnamespace WHERE o.oid = r.rngsubopc)",
        "collation": "CASE WHEN r.rngcollation <> 0 THEN r.rngcollation::regcollation::text END",
        "canonical": regproc("r.rngcanonical"),
        "subtype_diff": regproc("r.rngsubdiff"),
        "multirange": "format_type(r.rngmultitypid, NULL)",
    }
    source = f"{_FROM} JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid"
    return _type("range type", properties, source, "t.typtype = 'r'")


def _bases() -> str:
    functions = {
        name: regproc(f"t.typ{name}")
        for name in ("input", "output", "receive", "send", "modin", "modout", "analyze", "subscript")
    }
    properties = {
        **functions,
        "length": "t.typlen",
        "by_value": "t.typbyval",
        "alignment": "t.typalign",
        "storage": word("t.typstorage", _STORAGE),
        "category": "t.typcategory",
        "preferred": "t.typispreferred",
        "delimiter": "t.typdelim",
        "element": "CASE WHEN t.typelem <> 0 THEN format_type(t.typelem, NULL) END",
        "collatable": "t.typcollation <> 0",
        "default": "t.typdefault",
    }
    # An array type is internal to its element's.
    return _type("base type", properties, _FROM, f"t.typtype = 'b' AND {not_internal('pg_type', 't.oid')}")


def _shells() -> str:
    return _type("shell type", {}, _FROM, "t.typtype = 'p' AND NOT t.typisdefined")


def _collations(version: int) -> str:
    locale = "c.colllocale" if version >= 17 else "c.colliculocale"
    return select(
        "c",
        kind="'collation'",
        schema="n.nspname",
        name="c.collname",
        owner="c.collowner",
        properties={
            "provider": word("c.collprovider", {"i": "icu", "c": "libc", "b": "builtin"}),
            "deterministic": "c.collisdeterministic",
            "lc_collate": "c.collcollate",
            "lc_ctype": "c.collctype",
            "locale": locale,
        }
        | ({"rules": "c.collicurules"} if version >= 16 else {}),
        source="pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace"
        f" WHERE c.oid >= {FIRST_USER_OID}",
    )
