"""The SQL that stands in a map: what is an expression, what is a query, and what neither may hold."""

from __future__ import annotations

from typing import Any

from confiture.sql.grammar import GrammarError, parse, walk

__all__ = [
    "SqlError",
    "check_expression",
    "check_query",
    "check_row_expression",
    "deparse",
    "refuse_writing",
    "statement",
]

_WRITES = {"InsertStmt": "INSERT", "UpdateStmt": "UPDATE", "DeleteStmt": "DELETE", "MergeStmt": "MERGE"}
_BEFORE = "SELECT (\n"


class SqlError(Exception):
    """The text is not the SQL that is wanted. ``line`` is the one within the text, from 0, where that is known."""

    def __init__(self, message: str, *, hint: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.line = line


def check_expression(text: str) -> None:
    """Raises :class:`SqlError` unless ``text`` is one expression, also where it stands within others."""
    hint = "write one expression, without a name for it: lower(email)"
    # Alone, `a, b` is found out; in parentheses, `a FROM t`. Those of `a) + (b` must not close ours.
    select = _select(_parse(text, "SELECT\n", ""), hint)
    _parse(text, _BEFORE, "\n)")
    target = select.target_list[0].res_target
    only = len(select.target_list) == 1 and not target.name and not target.indirection
    if not only or any(field.name not in _PLAIN for field, _ in select.ListFields()):
        raise SqlError("it is more than one expression", hint=hint)
    if any(field.WhichOneof("node") == "a_star" for field in target.val.column_ref.fields):
        raise SqlError("it stands for all columns, not for one value", hint=hint)
    refuse_writing(select)


#: What a SELECT of nothing but expressions has, in the parse tree.
_PLAIN = frozenset({"target_list", "limit_option", "op"})


def check_row_expression(text: str) -> None:
    """Raises :class:`SqlError` unless ``text`` is one expression over a row, and reads no table."""
    check_expression(text)
    for node in walk(parse(f"{_BEFORE}{text}\n)")):
        if node.DESCRIPTOR.name == "SubLink":
            raise SqlError("it reads other tables", hint="write an expression over the new row alone")


def check_query(text: str) -> None:
    """Raises :class:`SqlError` unless ``text`` is one query that only reads."""
    hint = "write one query: SELECT ... FROM changed"
    kind, select = statement(text, hint)
    if kind != "select_stmt":
        raise SqlError("it is no SELECT", hint=hint)
    refuse_writing(select)


def statement(text: str, hint: str) -> tuple[str, Any]:
    """The only statement of ``text``, and the name of its kind as protobuf has it (``select_stmt``)."""
    statements = _parse(text, "", "").stmts
    if len(statements) != 1:
        raise SqlError("it is empty" if not statements else "it is more than one statement", hint=hint)
    node = statements[0].stmt
    kind = node.WhichOneof("node")
    return kind, getattr(node, kind)


def refuse_writing(tree: Any) -> None:
    """Raises :class:`SqlError` for what does not only read, and for parameters, which nobody would fill."""
    for node in walk(tree):
        name = node.DESCRIPTOR.name
        if name in _WRITES:
            raise SqlError(f"it has {_WRITES[name]} within it", hint="the old database is only read: write a SELECT")
        if name != "SelectStmt":
            continue
        if node.HasField("into_clause"):
            raise SqlError("it has SELECT INTO", hint="the old database is only read: take INTO out")
        if node.locking_clause:
            raise SqlError("it locks rows (FOR UPDATE or its like)", hint="the old database is only read: take it out")
    if _has_parameter(tree):
        raise SqlError("it has a parameter ($1), and nothing to put there", hint="write the value itself")


def deparse(select: Any) -> str:
    """The SELECT as text. Raises :class:`SqlError` where that text would mean something else."""
    import postgast
    from postgast import pg_query_pb2

    tree = pg_query_pb2.ParseResult()
    tree.stmts.add().stmt.select_stmt.CopyFrom(select)
    text: str = postgast.deparse(tree)
    again = parse(text).stmts[0].stmt.select_stmt
    if _plain(again) != _plain(select):
        raise SqlError("it cannot be taken apart and put together again", hint="write it more simply")
    return text


#: Of fields that say where something stands.
_PLACES = ("location", "list_start", "list_end")


def _plain(select: Any) -> bytes:
    """The tree without the places in the text."""
    copy = type(select)()
    copy.CopyFrom(select)
    stack = [copy]
    while stack:
        message = stack.pop()
        for field, value in message.ListFields():
            if field.message_type is not None:
                stack.extend(value if field.is_repeated else (value,))
            elif field.name.endswith(_PLACES):
                message.ClearField(field.name)
    serialized: bytes = copy.SerializeToString(deterministic=True)
    return serialized


def _has_parameter(tree: Any) -> bool:
    stack = [tree]
    while stack:
        message = stack.pop()
        if message.DESCRIPTOR.name == "ParamRef":
            return True
        for field, value in message.ListFields():
            if field.message_type is not None:
                stack.extend(value if field.is_repeated else (value,))
    return False


def _parse(text: str, before: str, after: str) -> Any:
    try:
        return parse(before + text + after)
    except GrammarError as error:
        line = None
        if error.position is not None:
            within = min(max(error.position - len(before), 0), len(text.rstrip()))
            line = text.count("\n", 0, within)
        raise SqlError(error.message, line=line) from None


def _select(tree: Any, hint: str) -> Any:
    kind = tree.stmts[0].stmt.WhichOneof("node") if len(tree.stmts) == 1 else None
    if kind != "select_stmt" or not tree.stmts[0].stmt.select_stmt.target_list:
        raise SqlError("it is no expression", hint=hint)
    return tree.stmts[0].stmt.select_stmt
