"""The session settings that are in effect for each statement, and how to bring them about elsewhere.

A file's SETs hold for all that follows. A statement that moves takes its settings along: before it, those that differ
are set again, or reset.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from confiture.model import Statement
from confiture.sql.grammar import GrammarError, parse, string_values, unwrap

__all__ = ["Context", "contexts", "search_path", "switch"]

#: Setting to the statement that set it; what is at its default is absent.
Context = Mapping[str, Statement]
_DEFAULT_PATH = ("public",)


def contexts(statements: Sequence[Statement]) -> tuple[list[Context], list[bool]]:
    """For every statement the settings in effect, and whether it is itself only a setting."""
    current: dict[str, Statement] = {}
    result: list[Context] = []
    settings: list[bool] = []
    for statement in statements:
        changed = _change(statement) if statement.session else None
        if changed is not None:
            current = dict(current)
            name, value = changed
            if name == "*":
                current.clear()
            elif value:
                current[name] = statement
            else:
                current.pop(name, None)
        result.append(current)
        settings.append(changed is not None)
    return result, settings


def _change(statement: Statement) -> tuple[str, bool] | None:
    """The setting that the statement changes and whether it gets a value; None where that cannot be told."""
    node = unwrap(parse(statement.sql).stmts[0].stmt)
    kind = statement.kind
    if kind == "VariableSetStmt":
        if node.kind == 6:  # enum VariableSetKind: VAR_RESET_ALL
            return "*", False
        return node.name.lower(), node.kind not in (2, 5)  # VAR_SET_DEFAULT, VAR_RESET
    if kind == "LoadStmt":
        return f"load {node.filename}", True
    if kind == "DiscardStmt":
        return ("*", False) if node.target == 1 else None  # enum DiscardMode: DISCARD_ALL
    if kind == "SelectStmt":
        arguments = _set_config(node)
        return (arguments[0].lower(), True) if arguments else None
    return None


def _set_config(node: Any) -> tuple[str, str] | None:
    """Name and value of ``SELECT set_config('name', 'value', ...)``, where that is all it is."""
    if len(node.target_list) != 1 or node.from_clause:
        return None
    value = node.target_list[0].res_target.val
    if value.WhichOneof("node") != "func_call" or string_values(value.func_call.funcname)[-1:] != ("set_config",):
        return None
    arguments = value.func_call.args
    if len(arguments) != 3 or any(item.a_const.WhichOneof("val") != "sval" for item in arguments[:2]):
        return None
    return arguments[0].a_const.sval.sval, arguments[1].a_const.sval.sval


def search_path(context: Context) -> tuple[str, ...]:
    """The schemas that names without one are looked up in."""
    statement = context.get("search_path")
    if statement is None:
        return _DEFAULT_PATH
    node = unwrap(parse(statement.sql).stmts[0].stmt)
    if statement.kind == "SelectStmt":
        arguments = _set_config(node)
        return _split(arguments[1]) if arguments else _DEFAULT_PATH
    return tuple(item.a_const.sval.sval for item in node.args if item.a_const.sval.sval not in ("", "$user"))


def _split(value: str) -> tuple[str, ...]:
    """A list of schemas as one text, as ``set_config`` takes it."""
    if not value.strip():
        return ()
    try:
        node = unwrap(parse(f"SET search_path TO {value}").stmts[0].stmt)
    except GrammarError:
        return ()
    return tuple(item.a_const.sval.sval for item in node.args if item.a_const.sval.sval not in ("", "$user"))


def switch(current: Context, wanted: Context) -> Iterator[Statement]:
    """The statements that lead from one context to another."""
    for name in current:
        if name not in wanted and not name.startswith("load "):
            yield Statement(sql=_reset(name), kind="VariableSetStmt", session=True)
    for name, statement in wanted.items():
        known = current.get(name)
        if known is None or known.sql != statement.sql:
            yield msgspec.structs.replace(statement, level=-1)


def _reset(name: str) -> str:
    if name == "session_authorization":
        return "RESET SESSION AUTHORIZATION"
    if name == "session characteristics":
        return "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE, NOT DEFERRABLE"
    parts = (f'"{part}"' for part in name.split("."))
    return f"RESET {'.'.join(parts)}"
