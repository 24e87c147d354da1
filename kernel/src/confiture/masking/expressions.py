"""SQL that somebody wrote into a rule: one expression and nothing that reaches out of it; its columns."""

from __future__ import annotations

from confiture.masking.values import MaskTable, Rule
from confiture.registry import closest
from confiture.sql.grammar import GrammarError, enum_names, parse, string_values, walk

__all__ = ["columns_of", "one_expression"]

_START = "SELECT (\n"
#: What is set of a SELECT that has one output and nothing else.
_PLAIN = {"target_list", "limit_option", "op"}
#: Every table has them, though the catalogs do not list them with the others.
_SYSTEM = {"ctid", "tableoid", "xmin", "xmax", "cmin", "cmax"}


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


def columns_of(sql: str, rule: Rule, table: MaskTable, what: str = "the expression") -> tuple[str, ...]:
    """The table's columns that :func:`one_expression` speaks of.

    Raises ``ConfigError`` with the position and the nearest name for one that the table has not. Where there is a
    query in it, names may be that query's, and the server has to judge them.
    """
    select = parse(f"{_START}{one_expression(sql, rule, what)}\n)").stmts[0].stmt.select_stmt
    nodes = list(walk(select))
    nested = sum(type(node).__name__ == "SelectStmt" for node in nodes) > 1
    found = []
    for node in nodes:
        if type(node).__name__ != "ColumnRef":
            continue
        names = string_values([field for field in node.fields if field.WhichOneof("node") == "string"])
        if names and table.column(names[-1]) is not None:
            found.append(names[-1])
        elif len(names) == 1 and not nested and names[0] not in {*_SYSTEM, table.name}:
            # The parser counts bytes, and what stands before is ours.
            before = sql.encode()[: max(node.location - len(_START), 0)]
            known = [column.name for column in table.columns]
            near = closest(names[0], known)
            raise rule.error(
                f"{table.label!r} has no column {names[0]!r}, which {what} reads",
                hint=(f"did you mean {near!r}? " if near else "") + f"the columns are: {', '.join(known)}",
                position=len(before.decode(errors="ignore")),
            )
    return tuple(dict.fromkeys(found))
