"""Schemas, extensions, languages, default privileges, publications and subscriptions."""

from __future__ import annotations

from confiture_catalog.rows import FIRST_USER_OID, regproc, relation_identity, select, word

__all__ = ["PUBLIC_SCHEMA_OID", "queries"]

#: PG_PUBLIC_NAMESPACE of pg_namespace.dat: initdb makes it, users own it.
PUBLIC_SCHEMA_OID = 2200
_USERS = f">= {FIRST_USER_OID}"
_DEFAULT_OBJECTS = {
    "r": "TABLES",
    "S": "SEQUENCES",
    "f": "FUNCTIONS",
    "T": "TYPES",
    "n": "SCHEMAS",
    "L": "LARGE OBJECTS",
}


def queries(version: int) -> list[str]:
    """One query for what has no schema, and one for publications."""
    parts = (_schemas(), _extensions(), _languages(), _default_privileges())
    return [" UNION ALL ".join(parts), f"{_publications(version)} UNION ALL {_subscriptions()}"]


def _schemas() -> str:
    return select(
        "n",
        kind="'schema'",
        name="n.nspname",
        owner="n.nspowner",
        # Each session has its own pg_temp.
        source=f"pg_catalog.pg_namespace n WHERE (n.oid {_USERS} AND n.nspname !~ '^pg_(toast_)?temp_')"
        f" OR n.oid = {PUBLIC_SCHEMA_OID}",
    )


def _extensions() -> str:
    return select(
        "e",
        kind="'extension'",
        name="e.extname",
        owner="e.extowner",
        properties={
            "version": "e.extversion",
            "schema": "quote_ident(n.nspname)",
            # What COMMENT ON would take it back to: CREATE EXTENSION's own, which is not read as a comment.
            "~comment": "(SELECT a.comment FROM pg_available_extensions() a WHERE a.name = e.extname)",
        },
        source="pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace"
        f" WHERE e.oid {_USERS}",
    )


def _languages() -> str:
    return select(
        "l",
        kind="'language'",
        name="l.lanname",
        owner="l.lanowner",
        properties={
            "trusted": "l.lanpltrusted",
            "handler": regproc("l.lanplcallfoid"),
            "inline": regproc("l.laninline"),
            "validator": regproc("l.lanvalidator"),
        },
        source=f"pg_catalog.pg_language l WHERE l.oid {_USERS}",
    )


def _default_privileges() -> str:
    """Their grants are beyond (and their revoked ones below) what a new object would have without them."""
    name = (
        "'FOR ROLE ' || quote_ident(pg_get_userbyid(d.defaclrole))"
        " || coalesce(' IN SCHEMA ' || quote_ident(n.nspname), '')"
        f" || ' ON ' || {word('d.defaclobjtype', _DEFAULT_OBJECTS)}"
    )
    return select(
        "d",
        kind="'default privileges'",
        name=name,
        identity=name,
        properties={
            "role": "quote_ident(pg_get_userbyid(d.defaclrole))",
            "schema": "quote_ident(n.nspname)",
            "objects": word("d.defaclobjtype", _DEFAULT_OBJECTS),
        },
        source="pg_catalog.pg_default_acl d LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace"
        f" WHERE d.oid {_USERS}",
    )


def _publications(version: int) -> str:
    columns = (
        "coalesce(' (' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)"
        " FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)) || ')', '')"
    )
    where = "coalesce(' WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')', '')"
    table = f"{relation_identity('r.prrelid')} || {columns} || {where}"
    generated = {"generated": word("p.pubgencols", {"n": None, "s": "stored"})} if version >= 18 else {}
    return select(
        "p",
        kind="'publication'",
        name="p.pubname",
        owner="p.pubowner",
        properties={
            "all_tables": "p.puballtables",
            "tables": f'(SELECT array_agg({table} ORDER BY r.prrelid::regclass::text COLLATE "C")'
            " FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid)",
            "schemas": '(SELECT array_agg(quote_ident(n.nspname) ORDER BY n.nspname COLLATE "C")'
            " FROM pg_catalog.pg_publication_namespace s JOIN pg_catalog.pg_namespace n ON n.oid = s.pnnspid"
            " WHERE s.pnpubid = p.oid)",
            "publish": "array_remove(ARRAY[CASE WHEN p.pubinsert THEN 'insert' END,"
            " CASE WHEN p.pubupdate THEN 'update' END,"
            " CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END], NULL)",
            "via_root": "p.pubviaroot",
        }
        | generated,
        source=f"pg_catalog.pg_publication p WHERE p.oid {_USERS}",
    )


def _subscriptions() -> str:
    """Detected only: they belong to a server, and their connection strings are for superusers."""
    return select(
        "s",
        kind="'unsupported:subscription'",
        catalog="pg_subscription",  # tableoid is not for everybody there
        name="s.subname",
        owner="s.subowner",
        properties={"enabled": "s.subenabled", "publications": "s.subpublications"},
        source=f"pg_catalog.pg_subscription s WHERE s.oid {_USERS} AND s.subdbid ="
        " (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())",
    )
