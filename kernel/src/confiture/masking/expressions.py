"""SQL that somebody wrote into a rule: one expression, and nothing that reaches out of it."""

from __future__ import annotations

from confiture.masking.values import Rule
from confiture.sql.grammar import GrammarError, enum_names, parse

__all__ = ["one_expression"]

_START = "SELECT (\n"
#: What is set of a SELECT that has one output and nothing else.
_PLAIN = {"target_list", "limit_option", "op"}


def one_expression(sql: str, rule: Rule, what: str = "the expression") -> str:
    """``sql`` itself, where it is one expression. Raises ``ConfigError`` with the position where it is not.

    It is parsed in parentheses, as it will run: what closes them and goes on is more than one expression.
    """
    try:
        statements = parse(f"{_START}{sql}\n)").stmts
    except GrammarError as error:
        position = None if error.position is None else max(0, min(error.position - len(_START), len(sql)))
        raise rule.error(f"{what} is not SQL: {error.message}", position=position) from None
    select = statements[0].stmt.select_stmt
    fields = {field.name for field, _ in select.ListFields()}
    plain = len(statements) == 1 and len(select.target_list) == 1 and fields <= _PLAIN
    # "a, b" in parentheses is a row.
    output = select.target_list[0].res_target.val.row_expr if plain else None
    if output is None or enum_names("CoercionForm")[output.row_format] == "COERCE_IMPLICIT_CAST":
        raise rule.error(f"{what} is more than one expression", hint="write what stands between SELECT and FROM")
    return sql
