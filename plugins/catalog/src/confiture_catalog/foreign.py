"""Foreign data wrappers, servers and user mappings. Foreign tables are with the relations."""

from __future__ import annotations

from confiture_catalog.rows import FIRST_USER_OID, options, regproc, select

__all__ = ["queries"]


def queries(version: int) -> list[str]:
    """All in one query."""
    return [" UNION ALL ".join((_wrappers(), _servers(), _user_mappings()))]


def _wrappers() -> str:
    return select(
        "w",
        kind="'foreign data wrapper'",
        name="w.fdwname",
        owner="w.fdwowner",
        properties={
            "handler": regproc("w.fdwhandler"),
            "validator": regproc("w.fdwvalidator"),
            "options": options("w.fdwoptions"),
        },
        source=f"pg_catalog.pg_foreign_data_wrapper w WHERE w.oid >= {FIRST_USER_OID}",
    )


def _servers() -> str:
    return select(
        "s",
        kind="'server'",
        name="s.srvname",
        owner="s.srvowner",
        properties={
            "wrapper": "quote_ident(w.fdwname)",
            "type": "s.srvtype",
            "version": "s.srvversion",
            "options": options("s.srvoptions"),
        },
        source="pg_catalog.pg_foreign_server s JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw"
        f" WHERE s.oid >= {FIRST_USER_OID}",
    )


def _user_mappings() -> str:
    """The options' names only, and those only for who may see them: their values are passwords."""
    role = "CASE WHEN u.umuser = 0 THEN 'PUBLIC' ELSE quote_ident(u.usename) END"
    name = f"{role} || ' SERVER ' || quote_ident(u.srvname)"
    return select(
        "u",
        kind="'user mapping'",
        name=name,
        identity=name,
        parent=("pg_foreign_server", "u.srvid"),
        catalog="pg_user_mapping",
        oid="u.umid",
        properties={
            "role": role,
            "server": "quote_ident(u.srvname)",
            "option_names": "(SELECT array_agg(split_part(o, '=', 1) ORDER BY o COLLATE \"C\")"
            " FROM unnest(u.umoptions) o)",
        },
        source="pg_catalog.pg_user_mappings u",
    )
