"""Triggers, rules, row-level policies and event triggers."""

from __future__ import annotations

from confiture_catalog.rows import FIRST_USER_OID, regproc, select, word

__all__ = ["queries"]

_ENABLED = {"O": None, "D": "disabled", "R": "replica", "A": "always"}
_COMMANDS = {"r": "select", "a": "insert", "w": "update", "d": "delete", "*": "all"}
_TABLE = "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"


def queries(version: int) -> list[str]:
    """All in one query."""
    return [" UNION ALL ".join((_triggers(), _rules(), _policies(), _event_triggers()))]


def _identity(name: str) -> str:
    return f"quote_ident(n.nspname) || '.' || quote_ident(c.relname) || '.' || quote_ident({name})"


def _triggers() -> str:
    return select(
        "t",
        kind="'trigger'",
        schema="n.nspname",
        name="t.tgname",
        identity=_identity("t.tgname"),
        parent=("pg_class", "t.tgrelid"),
        properties={
            "definition": "pg_get_triggerdef(t.oid)",
            "enabled": word("t.tgenabled", _ENABLED),
            "function": "t.tgfoid::regprocedure::text",
            "constraint": "t.tgconstraint <> 0",
            # A partition's copy of its parent's trigger.
            "inherited": "t.tgparentid <> 0",
        },
        source=f"pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid {_TABLE}"
        f" WHERE t.oid >= {FIRST_USER_OID} AND NOT t.tgisinternal",
    )


def _rules() -> str:
    return select(
        "r",
        kind="'rule'",
        schema="n.nspname",
        name="r.rulename",
        identity=_identity("r.rulename"),
        parent=("pg_class", "r.ev_class"),
        properties={"definition": "pg_get_ruledef(r.oid)", "enabled": word("r.ev_enabled", _ENABLED)},
        source=f"pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class {_TABLE}"
        # The rule of that name is the view itself.
        f" WHERE r.oid >= {FIRST_USER_OID} AND NOT (r.rulename = '_RETURN' AND c.relkind IN ('v', 'm'))"
        "",
    )


def _policies() -> str:
    roles = (
        "(SELECT array_agg(role ORDER BY role COLLATE \"C\") FROM (SELECT CASE WHEN member = 0 THEN 'PUBLIC'"
        " ELSE quote_ident(pg_get_userbyid(member)) END AS role FROM unnest(p.polroles) member) named)"
    )
    return select(
        "p",
        kind="'policy'",
        schema="n.nspname",
        name="p.polname",
        identity=_identity("p.polname"),
        parent=("pg_class", "p.polrelid"),
        properties={
            "command": word("p.polcmd", _COMMANDS),
            "restrictive": "NOT p.polpermissive",
            "roles": roles,
            "using": "pg_get_expr(p.polqual, p.polrelid)",
            "check": "pg_get_expr(p.polwithcheck, p.polrelid)",
        },
        source=f"pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid {_TABLE}"
        f" WHERE p.oid >= {FIRST_USER_OID}",
    )


def _event_triggers() -> str:
    return select(
        "e",
        kind="'event trigger'",
        name="e.evtname",
        owner="e.evtowner",
        properties={
            "event": "e.evtevent",
            "function": regproc("e.evtfoid"),
            "tags": '(SELECT array_agg(tag ORDER BY tag COLLATE "C") FROM unnest(e.evttags) tag)',
            "enabled": word("e.evtenabled", _ENABLED),
        },
        source=f"pg_catalog.pg_event_trigger e WHERE e.oid >= {FIRST_USER_OID}",
    )
