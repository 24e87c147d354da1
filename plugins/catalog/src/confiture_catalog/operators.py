"""Operators, operator classes and families, casts, conversions, transforms and access methods."""

from __future__ import annotations

from confiture_catalog.rows import FIRST_USER_OID, not_internal, regproc, select, word

__all__ = ["queries"]

_USERS = f">= {FIRST_USER_OID}"
#: Names with their schema always: an operator in pg_catalog is found without, but so may be another.
_TYPE = "coalesce(format_type(nullif({}, 0), NULL), 'NONE')"


def queries(version: int) -> list[str]:
    """All of them in one query: there are few."""
    return [
        " UNION ALL ".join(
            (_operators(), _families(), _classes(), _casts(), _conversions(), _transforms(), _access_methods())
        )
    ]


def _operators() -> str:
    left, right = _TYPE.format("o.oprleft"), _TYPE.format("o.oprright")
    return select(
        "o",
        kind="'operator'",
        schema="n.nspname",
        name="o.oprname",
        identity=f"quote_ident(n.nspname) || '.' || o.oprname || ' (' || {left} || ', ' || {right} || ')'",
        owner="o.oprowner",
        properties={
            "function": regproc("o.oprcode"),
            "left": f"nullif({left}, 'NONE')",
            "right": right,
            "result": "CASE WHEN o.oprresult <> 0 THEN format_type(o.oprresult, NULL) END",
            "commutator": "CASE WHEN o.oprcom <> 0 THEN o.oprcom::regoperator::text END",
            "negator": "CASE WHEN o.oprnegate <> 0 THEN o.oprnegate::regoperator::text END",
            "restrict": regproc("o.oprrest"),
            "join": regproc("o.oprjoin"),
            "merges": "o.oprcanmerge",
            "hashes": "o.oprcanhash",
            # A commutator that is only promised so far.
            "shell": "o.oprcode = 0",
        },
        source="pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace"
        f" WHERE o.oid {_USERS}",
    )


def _families() -> str:
    """With all members: which class brought one in says pg_depend, and no SQL that ends in another family."""
    members = (
        '(SELECT array_agg(m.member ORDER BY m.member COLLATE "C") FROM ('
        "SELECT 'OPERATOR ' || w.amopstrategy || ' ' ||"
        " w.amopopr::regoperator::text || CASE WHEN w.amoppurpose = 'o' THEN ' FOR ORDER BY ' ||"
        " (SELECT quote_ident(sn.nspname) || '.' || quote_ident(sf.opfname) FROM pg_catalog.pg_opfamily sf"
        " JOIN pg_catalog.pg_namespace sn ON sn.oid = sf.opfnamespace WHERE sf.oid = w.amopsortfamily)"
        " ELSE '' END AS member FROM pg_catalog.pg_amop w WHERE w.amopfamily = f.oid"
        " UNION ALL SELECT 'FUNCTION ' || w.amprocnum || ' (' || format_type(w.amproclefttype, NULL) || ', ' ||"
        " format_type(w.amprocrighttype, NULL) || ') ' || w.amproc::regprocedure::text FROM pg_catalog.pg_amproc w"
        " WHERE w.amprocfamily = f.oid) m)"
    )
    return select(
        "f",
        kind="'operator family'",
        schema="n.nspname",
        name="f.opfname",
        identity="quote_ident(n.nspname) || '.' || quote_ident(f.opfname) || ' USING ' || quote_ident(am.amname)",
        owner="f.opfowner",
        properties={"method": "am.amname", "members": members},
        source="pg_catalog.pg_opfamily f JOIN pg_catalog.pg_namespace n ON n.oid = f.opfnamespace"
        f" JOIN pg_catalog.pg_am am ON am.oid = f.opfmethod WHERE f.oid {_USERS}",
    )


def _classes() -> str:
    return select(
        "o",
        kind="'operator class'",
        schema="n.nspname",
        name="o.opcname",
        identity="quote_ident(n.nspname) || '.' || quote_ident(o.opcname) || ' USING ' || quote_ident(am.amname)",
        owner="o.opcowner",
        properties={
            "method": "am.amname",
            "type": "format_type(o.opcintype, NULL)",
            "storage": "CASE WHEN o.opckeytype <> 0 THEN format_type(o.opckeytype, NULL) END",
            "default": "o.opcdefault",
            "family": "quote_ident(fn.nspname) || '.' || quote_ident(f.opfname)",
        },
        source="pg_catalog.pg_opclass o JOIN pg_catalog.pg_namespace n ON n.oid = o.opcnamespace"
        " JOIN pg_catalog.pg_am am ON am.oid = o.opcmethod JOIN pg_catalog.pg_opfamily f ON f.oid = o.opcfamily"
        f" JOIN pg_catalog.pg_namespace fn ON fn.oid = f.opfnamespace WHERE o.oid {_USERS}",
    )


def _casts() -> str:
    name = "format_type(c.castsource, NULL) || ' AS ' || format_type(c.casttarget, NULL)"
    return select(
        "c",
        kind="'cast'",
        name=name,
        identity=name,
        properties={
            "source": "format_type(c.castsource, NULL)",
            "target": "format_type(c.casttarget, NULL)",
            "function": "CASE WHEN c.castfunc <> 0 THEN c.castfunc::regprocedure::text END",
            "context": word("c.castcontext", {"e": None, "a": "assignment", "i": "implicit"}),
            "method": word("c.castmethod", {"f": None, "i": "inout", "b": "binary"}),
        },
        source=f"pg_catalog.pg_cast c WHERE c.oid {_USERS}"
        # A range type makes the cast to its multirange itself.
        f" AND {not_internal('pg_cast', 'c.oid')}",
    )


def _conversions() -> str:
    return select(
        "c",
        kind="'conversion'",
        schema="n.nspname",
        name="c.conname",
        owner="c.conowner",
        properties={
            "from": "pg_encoding_to_char(c.conforencoding)",
            "to": "pg_encoding_to_char(c.contoencoding)",
            "function": regproc("c.conproc"),
            "default": "c.condefault",
        },
        source="pg_catalog.pg_conversion c JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace"
        f" WHERE c.oid {_USERS}",
    )


def _transforms() -> str:
    name = "'FOR ' || format_type(t.trftype, NULL) || ' LANGUAGE ' || quote_ident(l.lanname)"
    return select(
        "t",
        kind="'transform'",
        name=name,
        identity=name,
        properties={
            "type": "format_type(t.trftype, NULL)",
            "language": "l.lanname",
            "from_sql": "CASE WHEN t.trffromsql <> 0 THEN t.trffromsql::oid::regprocedure::text END",
            "to_sql": "CASE WHEN t.trftosql <> 0 THEN t.trftosql::oid::regprocedure::text END",
        },
        source=f"pg_catalog.pg_transform t JOIN pg_catalog.pg_language l ON l.oid = t.trflang WHERE t.oid {_USERS}",
    )


def _access_methods() -> str:
    return select(
        "a",
        kind="'access method'",
        name="a.amname",
        properties={"type": word("a.amtype", {"i": "index", "t": "table"}), "handler": regproc("a.amhandler")},
        source=f"pg_catalog.pg_am a WHERE a.oid {_USERS}",
    )
