"""What a part of a parse tree refers to: tables, types, functions, operators, collations and columns."""

from __future__ import annotations

from typing import Any

from confiture.sql.dependencies.facts import Facts, Name, Need, Strength
from confiture.sql.grammar import GrammarError, children, parse, string_values, unwrap, walk

__all__ = ["add_need", "body_needs", "name_of", "range_name", "relation_in", "tree_needs", "type_need"]

#: DefElems whose value looks like a type to the grammar and is a function: of CREATE AGGREGATE, OPERATOR, TYPE.
_FUNCTION_OPTIONS = frozenset(
    {"sfunc", "finalfunc", "combinefunc", "serialfunc", "deserialfunc", "msfunc", "minvfunc", "mfinalfunc", "function",
     "procedure", "restrict", "join", "input", "output", "receive", "send", "typmod_in", "typmod_out", "analyze",
     "subscript", "subtype_diff", "canonical"}
)  # fmt: skip
_TYPE_OPTIONS = frozenset({"stype", "mstype", "leftarg", "rightarg", "basetype", "subtype", "like", "element"})
#: Casts of a constant to these name an object.
_REG_TYPES = {"regclass": "relation", "regtype": "type", "regproc": "function", "regprocedure": "function"}
#: Functions whose first argument, a constant, names a relation.
_BY_NAME = frozenset({"nextval", "currval", "setval", "pg_get_serial_sequence", "pg_relation_size"})


def name_of(space: str, parts: tuple[str, ...]) -> Name:
    """A qualified name; of three parts the first is the database."""
    return Name(space, parts[-2] if len(parts) > 1 else "", parts[-1])


def range_name(node: Any, space: str = "relation") -> Name:
    """The name of a ``RangeVar``."""
    schema = "pg_temp" if node.relpersistence == "t" else node.schemaname
    return Name(space, schema, node.relname)


def add_need(facts: Facts, name: Name, strength: Strength = Strength.NEEDED, arguments: int = -1) -> None:
    """Record a need, and that of its schema; what lies in ``pg_catalog`` is always there."""
    if name.schema in ("pg_catalog", "information_schema"):
        return
    facts.needs.append(Need(name, strength, arguments))
    if name.schema:
        facts.needs.append(Need(Name("schema", "", name.schema), strength))


def relation_in(text: str, space: str = "relation") -> Name | None:
    """The name that a string such as ``'s."T"'`` writes, read by the grammar; None where it is none."""
    try:
        tree = parse(f"TABLE {text.split('(')[0]}")
        target = tree.stmts[0].stmt.select_stmt.from_clause[0].range_var
    except (GrammarError, IndexError):
        return None
    return Name(space, target.schemaname, target.relname)


def type_need(facts: Facts, node: Any, strength: Strength = Strength.NEEDED) -> None:
    """The need of a ``TypeName``; ``t.c%TYPE`` needs the table."""
    parts = string_values(node.names)
    if not parts:
        return
    if node.pct_type:
        add_need(facts, name_of("relation", parts[:-1]), strength)
        facts.columns.add(parts[-1])
    else:
        add_need(facts, name_of("type", parts), strength)


def tree_needs(facts: Facts, root: Any, strength: Strength = Strength.NEEDED) -> None:
    """Record all that the tree refers to. Names of WITH queries are not tables."""
    queries: set[str] = set()
    found: list[Any] = []
    stack = [root]
    while stack:
        node = stack.pop()
        kind = type(node).__name__
        if kind == "DefElem" and node.defname in _FUNCTION_OPTIONS and node.arg.HasField("type_name"):
            add_need(facts, name_of("function", string_values(node.arg.type_name.names)), strength)
            continue
        if kind == "CommonTableExpr":
            queries.add(node.ctename)
        elif kind in _READERS or kind == "RangeVar":
            found.append(node)
        if kind == "SelectStmt" and node.values_lists:
            # Rows of constants, by the thousand in a dump, refer to nothing.
            for row in node.values_lists:
                items = (item for item in row.list.items if item.WhichOneof("node") not in ("a_const", None))
                stack.extend(unwrap(item) for item in items)
            if node.HasField("with_clause"):
                stack.append(node.with_clause)
        else:
            stack.extend(children(node))
    for node in found:
        kind = type(node).__name__
        if kind == "RangeVar":
            if not (node.relname in queries and not node.schemaname):
                add_need(facts, range_name(node), strength)
        else:
            _READERS[kind](facts, node, strength)


def _call(facts: Facts, node: Any, strength: Strength) -> None:
    parts = string_values(node.funcname)
    facts.calls = True
    add_need(facts, name_of("function", parts), strength, -1 if node.agg_star else len(node.args))
    if parts[-1] in _BY_NAME and node.args and node.args[0].HasField("a_const"):
        name = relation_in(node.args[0].a_const.sval.sval)
        if name:
            add_need(facts, name, strength)


def _cast(facts: Facts, node: Any, strength: Strength) -> None:
    space = _REG_TYPES.get(node.type_name.names[-1].string.sval if node.type_name.names else "")
    if space and node.arg.HasField("a_const"):
        name = relation_in(node.arg.a_const.sval.sval, space)
        if name:
            add_need(facts, name, strength)


def _column(facts: Facts, node: Any, strength: Strength) -> None:
    for field in node.fields:
        if field.HasField("string"):
            facts.columns.add(field.string.sval)


def _collate(facts: Facts, node: Any, strength: Strength) -> None:
    add_need(facts, name_of("collation", string_values(node.collname)), strength)


def _operator(facts: Facts, node: Any, strength: Strength) -> None:
    parts = string_values(node.name)
    if parts:
        facts.needs.append(Need(name_of("operator", parts), strength))


def _index_element(facts: Facts, node: Any, strength: Strength) -> None:
    if node.name:
        facts.columns.add(node.name)
    if node.opclass:
        add_need(facts, name_of("operator class", string_values(node.opclass)), strength)
    if node.collation:
        add_need(facts, name_of("collation", string_values(node.collation)), strength)


def _constraint(facts: Facts, node: Any, strength: Strength) -> None:
    for names in (node.keys, node.fk_attrs, node.pk_attrs, node.including):
        facts.columns.update(string_values(names))
    if node.indexname:
        facts.needs.append(Need(Name("relation", "", node.indexname), strength))


def _target(facts: Facts, node: Any, strength: Strength) -> None:
    if node.name:
        facts.columns.add(node.name)


def _select(facts: Facts, node: Any, strength: Strength) -> None:
    if node.group_clause:
        # A column outside of GROUP BY is allowed where the primary key is in it, so the key must exist by then.
        for item in walk(node):
            if type(item).__name__ == "RangeVar":
                facts.needs.append(Need(range_name(item, "primary key"), Strength.LIKELY))


_READERS = {
    "A_Expr": _operator,
    "CollateClause": _collate,
    "ColumnRef": _column,
    "Constraint": _constraint,
    "FuncCall": _call,
    "IndexElem": _index_element,
    "ResTarget": _target,
    "SelectStmt": _select,
    "TypeCast": _cast,
    "TypeName": type_need,
}


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
            for statement in children(raw):
                tree_needs(facts, statement, strength)
    elif language in ("plpgsql", "") and body:
        facts.late.update(_words(body))
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


def _words(body: str) -> set[str]:
    """The identifiers of a body; inside of strings too, which EXECUTE may run."""
    words: set[str] = set()
    for word in _tokens(body):
        inner = word.strip("'$") if word[:1] in ("'", "$") else ""
        words |= _words(inner) if inner and inner != word else {word}
    return words


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
