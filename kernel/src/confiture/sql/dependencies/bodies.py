"""What a function's body refers to, as far as it is a string."""

from __future__ import annotations

from typing import Any

from confiture.sql.dependencies.facts import Facts, Strength
from confiture.sql.dependencies.needs import add_need, name_of
from confiture.sql.dependencies.trees import tree_needs
from confiture.sql.grammar import GrammarError, parse, string_values, unwrap

__all__ = ["body_needs", "words"]


def body_needs(facts: Facts, node: Any, checked: bool) -> None:
    """The needs of a function's body that is a string, of a ``CreateFunctionStmt`` or ``DoStmt``.

    PostgreSQL resolves an SQL body when the function is made, and of a PL/pgSQL body the declared types; both only
    where ``check_function_bodies`` is on (``checked``). All words of a PL/pgSQL body are kept for what runs it.
    """
    options = node.options if hasattr(node, "options") else node.args
    language = body = ""
    for option in options:
        definition = option.def_elem
        if definition.defname == "language":
            language = definition.arg.string.sval.lower()
        elif definition.defname == "as":
            value = definition.arg
            strings = string_values(value.list.items) if value.HasField("list") else (value.string.sval,)
            body = strings[0] if strings else ""
    strength = Strength.NEEDED if checked else Strength.LIKELY
    if language == "sql" and body:
        try:
            tree = parse(body)
        except GrammarError:
            return
        for raw in tree.stmts:
            if (statement := unwrap(raw.stmt)) is not None:
                tree_needs(facts, statement, strength)
    elif language in ("plpgsql", "") and body:
        facts.late.update(words(body))
        if type(node).__name__ == "CreateFunctionStmt":
            _declared_types(facts, body, strength)


def _tokens(text: str) -> list[str]:
    """The tokens of a text by the grammar's scanner, unquoted names in lower case; none where it is not SQL."""
    from postgast import PgQueryError, scan
    from postgast.pg_query_pb2 import IDENT, NO_KEYWORD, SQL_COMMENT, C_COMMENT  # isort: skip

    try:
        found = scan(text).tokens
    except PgQueryError:
        return []
    encoded = text.encode()
    tokens: list[str] = []
    for token in found:
        if token.token in (SQL_COMMENT, C_COMMENT):
            continue
        word = encoded[token.start : token.end].decode()
        if word.startswith('"'):
            word = word[1:-1].replace('""', '"')
        elif token.token == IDENT or token.keyword_kind != NO_KEYWORD:
            word = word.lower()
        tokens.append(word)
    return tokens


def words(body: str) -> set[str]:
    """The identifiers of a body; inside of strings too, which EXECUTE may run."""
    found: set[str] = set()
    for word in _tokens(body):
        inner = word.strip("'$") if word[:1] in ("'", "$") else ""
        found |= words(inner) if inner and inner != word else {word}
    return found


def _declared_types(facts: Facts, body: str, strength: Strength) -> None:
    """The types of ``DECLARE name [CONSTANT] type ...;``, up to the first BEGIN."""
    tokens = _tokens(body)
    if "declare" not in tokens or "begin" not in tokens:
        return
    section = tokens[tokens.index("declare") + 1 : tokens.index("begin")]
    start = True
    for position, word in enumerate(section):
        if start:
            rest = section[position + 1 : position + 9]
            if rest[:1] == ["constant"]:
                rest = rest[1:]
            parts = rest[:1]
            rest = rest[1:]
            while rest[:1] == ["."]:
                parts.append(rest[1] if len(rest) > 1 else "")
                rest = rest[2:]
            if rest[:2] == ["%", "rowtype"]:
                add_need(facts, name_of("relation", tuple(parts)), strength)
            elif rest[:2] == ["%", "type"]:
                if len(parts) > 1:
                    add_need(facts, name_of("relation", tuple(parts[:-1])), strength)
            elif parts:
                add_need(facts, name_of("type", tuple(parts)), strength)
        start = word == ";"
