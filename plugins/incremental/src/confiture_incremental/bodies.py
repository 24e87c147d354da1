"""Functions' bodies are checked when the migration's transaction is whole, not while it runs.

A plan that creates many things may create a function before the table that its body names: what the body needs is
there only at the end. So ``check_function_bodies`` is off meanwhile (as pg_dump has it), and the validators of the
languages are called before the transaction ends.
"""

from __future__ import annotations

from collections.abc import Sequence

from confiture.model import Statement
from confiture.quoting import quote_literal
from confiture.sql.grammar import GrammarError, parse, unwrap

__all__ = ["body_checks"]

#: Functions of that name whose row this transaction wrote: ``age`` counts from its own id, and savepoints have later
#: ones. A function that we may not execute cannot be validated by us (CheckFunctionValidatorAccess).
_CHECK = """DO $confiture$
DECLARE
    made record;
BEGIN
    FOR made IN
        SELECT p.oid, l.lanvalidator::pg_catalog.regproc AS validator
        FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
        WHERE p.proname = {name} AND pg_catalog.age(p.xmin) <= 0 AND l.lanname IN ('sql', 'plpgsql')
            AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
    LOOP
        EXECUTE pg_catalog.format('SELECT %s(%s)', made.validator, made.oid);
    END LOOP;
END $confiture$"""


def body_checks(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    """What checks the functions that ``statements``, those of a transaction, create; nothing where they create none.

    Each has the place of what creates the function, so that an error points there.
    """
    checks = [
        Statement(sql=_CHECK.format(name=quote_literal(name).lstrip()), kind="DoStmt", origin=statement.origin)
        for statement in statements
        if statement.kind == "CreateFunctionStmt" and (name := _name(statement)) and "$confiture$" not in name
    ]
    return (Statement(sql="SET LOCAL check_function_bodies = on"), *checks) if checks else ()


def _name(statement: Statement) -> str:
    try:
        node = unwrap(parse(statement.sql).stmts[0].stmt)
    except GrammarError:
        return ""
    return str(node.funcname[-1].string.sval)
