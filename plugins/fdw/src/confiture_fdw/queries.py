"""A task's query as a tree: what it reads, and what is in the way of running it on the other side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from confiture.errors import Refused, SyntaxInvalid
from confiture.sql.grammar import GrammarError, parse, string_values, unwrap, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Name", "ReadQuery", "holds_setting", "read_query", "relations_in"]

#: A relation or function as it is written: its schema ("" where it has none) and its name.
Name = tuple[str, str]

#: A foreign table has none of them, but says 0; ``ctid`` it does have.
_SYSTEM_COLUMNS: Final = frozenset({"xmin", "xmax", "cmin", "cmax", "tableoid"})
_FOLDING: Final = frozenset({"lower", "upper", "initcap", "casefold", "~*", "!~*", "~~*", "!~~*"})
_ORDERING: Final = frozenset(
    {"<", ">", "<=", ">=", "BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC", "NOT BETWEEN SYMMETRIC"}
)
_WRITING: Final = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})


class ReadQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A SELECT. ``relations`` are those outside of itself, ``only`` those of them that it reads with ONLY.

    ``functions``: the names of those that it calls. ``casts``: the types that settings are cast to, as they are
    written. ``folds``: it tells or changes upper and lower case, which a database's locale decides.
    ``ordered``: columns whose order it asks for, by their bare names.
    """

    tree: Any
    relations: tuple[Name, ...]
    only: frozenset[Name]
    functions: tuple[Name, ...]
    casts: tuple[tuple[str, ...], ...]
    folds: bool
    ordered: frozenset[str]


def read_query(sql: str) -> ReadQuery:
    """Parse it. Raises ``SyntaxInvalid``, and ``Refused`` for what a foreign table cannot do."""
    try:
        tree = parse(sql)
    except GrammarError as error:
        raise SyntaxInvalid(f"the query is not SQL: {error.message}") from None
    if len(tree.stmts) != 1 or tree.stmts[0].stmt.WhichOneof("node") != "select_stmt":
        raise Refused("the query is not a SELECT, but something else or several", hint="give one SELECT")
    select = tree.stmts[0].stmt.select_stmt
    functions: dict[Name, None] = {}
    casts: dict[tuple[str, ...], None] = {}
    operators: set[str] = set()
    ordered: set[str] = set()
    for node in walk(select):
        kind = type(node).__name__
        if obstacle := _obstacle(kind, node):
            raise Refused(f"the target cannot read it through postgres_fdw: {obstacle}", hint="use the engine 'copy'")
        ordered.update(_ordered(kind, node))
        if kind == "FuncCall":
            functions[_name(string_values(node.funcname))] = None
        elif kind == "A_Expr" and node.name:
            operators.add(string_values(node.name)[-1])
        elif kind == "TypeCast" and holds_setting(node):
            casts[string_values(node.type_name.names)] = None
    found = tuple(relations_in(select))
    return ReadQuery(
        tree=tree,
        relations=tuple(dict.fromkeys(_of(each) for each in found)),
        only=frozenset(_of(each) for each in found if not each.inh),
        functions=tuple(functions),
        casts=tuple(casts),
        ordered=frozenset(ordered),
        folds=bool(_FOLDING & {*operators, *(name for _, name in functions)}),
    )


def _obstacle(kind: str, node: Any) -> str:
    if kind in _WRITING or (kind == "SelectStmt" and node.HasField("into_clause")):
        return "the query writes"
    if kind == "LockingClause":
        return "the query locks rows (FOR UPDATE)"
    if kind == "RangeTableSample":
        return "foreign tables have no TABLESAMPLE"
    if kind == "ColumnRef":
        last = node.fields[-1]
        if last.WhichOneof("node") == "string" and last.string.sval in _SYSTEM_COLUMNS:
            return f"foreign tables have no system column {last.string.sval!r}"
    return ""


def _ordered(kind: str, node: Any) -> list[str]:
    """The columns whose order a node asks for."""
    nodes: list[Any] = []
    if kind == "A_Expr" and node.name and string_values(node.name)[-1] in _ORDERING:
        nodes = [node.lexpr, node.rexpr]
    elif kind == "SortBy":
        nodes = [node.node]
    elif kind == "MinMaxExpr" or (kind == "FuncCall" and string_values(node.funcname)[-1] in ("min", "max")):
        nodes = list(node.args)
    columns = [each.column_ref.fields[-1] for each in nodes if each.WhichOneof("node") == "column_ref"]
    return [each.string.sval for each in columns if each.WhichOneof("node") == "string"]


def _name(names: tuple[str, ...]) -> Name:
    return (names[-2] if len(names) > 1 else "", names[-1])


def _of(relation: Any) -> Name:
    return (relation.schemaname, relation.relname)


def holds_setting(node: Any) -> bool:
    """Whether ``current_setting`` is called in the concrete message or below it."""
    return any(
        type(each).__name__ == "FuncCall" and string_values(each.funcname)[-1] == "current_setting"
        for each in walk(node)
    )


def relations_in(select: Any) -> Iterator[Any]:
    """The ``RangeVar`` of every table or view that a SELECT reads; not those that are names of a WITH."""
    nothing: frozenset[str] = frozenset()
    stack: list[tuple[Any, frozenset[str]]] = [(select, nothing)]
    while stack:
        node, known = stack.pop()
        if type(node).__name__ == "RangeVar":
            if node.schemaname or node.relname not in known:
                yield node
            continue
        if type(node).__name__ == "SelectStmt" and node.HasField("with_clause"):
            # A name of a WITH is none to itself and those before it: WITH users AS (SELECT ... FROM users) reads
            # the table.
            tables = [unwrap(each) for each in node.with_clause.ctes]
            names = [each.ctename for each in tables]
            for number, each in enumerate(tables):
                seen = names if node.with_clause.recursive else names[:number]
                stack.append((unwrap(each.ctequery), known.union(seen)))
            known = known.union(names)
            below = [value for field, value in node.ListFields() if field.name != "with_clause"]
        else:
            below = [value for _, value in node.ListFields()]
        stack.extend((each, known) for value in below for each in _messages(value))


def _messages(value: Any) -> Iterator[Any]:
    for each in value if hasattr(value, "__len__") and not isinstance(value, str | bytes) else (value,):
        if not hasattr(each, "ListFields"):
            continue
        if type(each).__name__ == "Node":
            inner = unwrap(each)
            if inner is not None and hasattr(inner, "ListFields"):
                yield inner
        else:
            yield each
