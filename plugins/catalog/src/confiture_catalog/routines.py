"""Functions, procedures and aggregates."""

from __future__ import annotations

from confiture_catalog.rows import FIRST_USER_OID, not_internal, regproc, select, word

__all__ = ["SIGNATURE", "queries"]

#: A routine's identity: its name and the types that it is called with.
SIGNATURE = "quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '(' || oidvectortypes(p.proargtypes) || ')'"
_FROM = (
    "pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"
    " JOIN pg_catalog.pg_language l ON l.oid = p.prolang"
)
_MODIFIES = {"r": None, "s": "shareable", "w": "read write"}


def queries(version: int) -> list[str]:
    """One query for functions and procedures, one for aggregates."""
    return [_functions(), _aggregates()]


def _functions() -> str:
    return select(
        "p",
        kind="CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END",
        schema="n.nspname",
        name="p.proname",
        identity=SIGNATURE,
        owner="p.proowner",
        properties={
            "definition": "pg_get_functiondef(p.oid)",
            "arguments": "pg_get_function_arguments(p.oid)",
            "result": "pg_get_function_result(p.oid)",
            "language": "l.lanname",
            "window": "p.prokind = 'w'",
            "source": "p.prosrc",
            "sql_body": "p.prosqlbody IS NOT NULL",
            "volatility": word("p.provolatile", {"v": None, "s": "stable", "i": "immutable"}),
        },
        # A range type makes its constructors itself.
        source=f"{_FROM} WHERE p.oid >= {FIRST_USER_OID} AND p.prokind <> 'a' AND {not_internal('pg_proc', 'p.oid')}",
    )


def _aggregates() -> str:
    functions = {
        "transition": "a.aggtransfn",
        "final": "a.aggfinalfn",
        "combine": "a.aggcombinefn",
        "serial": "a.aggserialfn",
        "deserial": "a.aggdeserialfn",
        "moving_transition": "a.aggmtransfn",
        "moving_inverse": "a.aggminvtransfn",
        "moving_final": "a.aggmfinalfn",
    }
    return select(
        "p",
        kind="'aggregate'",
        schema="n.nspname",
        name="p.proname",
        identity=SIGNATURE,
        owner="p.proowner",
        properties={
            "arguments": "pg_get_function_arguments(p.oid)",
            # What COMMENT ON and DROP want: for an ordered set with its ORDER BY.
            "signature": "pg_get_function_identity_arguments(p.oid)",
            "result": "pg_get_function_result(p.oid)",
            "type": word("a.aggkind", {"n": None, "o": "ordered set", "h": "hypothetical set"}),
            "direct_arguments": "nullif(a.aggnumdirectargs, 0)",
            **{name: regproc(expression) for name, expression in functions.items()},
            "state": "format_type(a.aggtranstype, NULL)",
            "state_size": "nullif(a.aggtransspace, 0)",
            "moving_state": "CASE WHEN a.aggmtranstype <> 0 THEN format_type(a.aggmtranstype, NULL) END",
            "moving_state_size": "nullif(a.aggmtransspace, 0)",
            "initial": "a.agginitval",
            "moving_initial": "a.aggminitval",
            "final_extra": "a.aggfinalextra",
            "final_modify": word("a.aggfinalmodify", _MODIFIES),
            "moving_final_extra": "a.aggmfinalextra",
            "moving_final_modify": word("a.aggmfinalmodify", _MODIFIES),
            "sort_operator": "CASE WHEN a.aggsortop <> 0 THEN a.aggsortop::regoperator::text END",
            "parallel": word("p.proparallel", {"u": None, "s": "safe", "r": "restricted"}),
        },
        source=f"{_FROM} JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid WHERE p.oid >= {FIRST_USER_OID}",
    )
