"""What a call of ``self.execute`` records: statements, and where they are in the migration's file."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import lru_cache

import msgspec

from confiture.errors import SourceError
from confiture.migrations.layout import dedented
from confiture.model import Origin, Plan, SourceFile, Statement
from confiture.sql import read_file

__all__ = ["Call", "place_calls", "read_call", "typed_call"]


class Literal(msgspec.Struct, frozen=True):
    """A string in Python's source: where it begins and ends, and the line (from 1) of its beginning.

    ``opening`` is what stands before its text, such as three quotes. Only strings whose text has as many lines as
    their source are of use: for those a line of the text is a line of the file.
    """

    start: int
    end: int
    line: int
    opening: str


class Call(msgspec.Struct, frozen=True):
    """One call: its text as recorded, the literal that it came from, its statements.

    The offsets of the statements' origins count from the beginning of ``text``.
    """

    text: str
    statements: tuple[Statement, ...]
    literal: Literal | None = None


def read_call(sql: object, file: str, line: int, source: SourceFile | None, transactional: bool | None) -> Call:
    """The call of ``execute(sql)`` in that line. Raises ``SourceError`` and its kin, pointing into the file."""
    if not isinstance(sql, str):
        raise SourceError(
            f"execute() takes the text of a statement, not {type(sql).__name__!r}", file=file, line=line, hint="a str"
        )
    literal = _literals(source.sql).get((line, sql)) if source else None
    first = literal.line if literal else line
    try:
        statements = read_file(SourceFile(file, sql), migration=True)
    except SourceError as error:
        if literal and error.line is not None:
            column = 0 if error.line > 1 else _column(source, literal)
            error.line, error.column = first + error.line - 1, (error.column or 1) + column
        else:
            error.line, error.column = line, None
        raise
    if not statements:
        raise SourceError("execute() was called without a statement", file=file, line=line, hint="remove the call")
    text, statements = dedented(sql, statements)
    found = []
    for statement in statements:
        assert statement.origin is not None
        offset = statement.origin.offset
        here = first + text.count("\n", 0, offset) if literal else line
        found.append(
            msgspec.structs.replace(
                statement,
                origin=Origin(file, here, 1, offset),
                transactional=statement.transactional if transactional is None else transactional,
            )
        )
    return Call(text, tuple(found), literal)


def typed_call(
    make: Callable[[str, str, str, int], Statement], file: str, line: int, table: str, set_: str, where: str, rows: int
) -> Call:
    """The call of a method that composes its statement. Raises ``SourceError``, pointing to the line."""
    try:
        statement = make(table, set_, where, rows)
    except SourceError as error:
        error.file, error.line, error.column = file, line, None
        raise
    return Call(statement.sql, (msgspec.structs.replace(statement, origin=Origin(file, line, 1, 0)),))


def place_calls(source: SourceFile, calls: list[Call]) -> Plan:
    """The plan of the calls, whose origins point into the plan's source.

    That source is the migration's file with the strings as SQL in it, so that every line stands where it stands in
    the file, and a position that the server tells is right to the character. Where a text was composed by the
    program, the plan has no source: its statements are known by the line of their call alone.
    """
    literals = {call.literal.start: call for call in calls if call.literal}
    parts: list[str] = []
    starts: dict[int, int] = {}
    end = length = 0
    for start, call in sorted(literals.items()):
        assert call.literal is not None
        before = source.sql[end:start] + call.literal.opening
        starts[start] = length + len(before)
        parts += (before, call.text)
        length += len(before) + len(call.text)
        end = call.literal.end
    whole = SourceFile(source.path, "".join(parts) + source.sql[end:])
    statements: list[Statement] = []
    for call in calls:
        for statement in call.statements:
            origin = statement.origin
            if origin is not None and call.literal:
                offset = starts[call.literal.start] + origin.offset
                column = offset - whole.sql.rfind("\n", 0, offset)
                origin = Origin(source.path, origin.line, column, offset)
            statements.append(msgspec.structs.replace(statement, origin=origin))
    known = all(call.literal for call in calls)
    return Plan(statements=tuple(statements), sources=(whole,) if known else ())


def _column(source: SourceFile | None, literal: Literal) -> int:
    """How many characters stand before the literal's text in its line."""
    assert source is not None
    return literal.start - source.sql.rfind("\n", 0, literal.start) - 1 + len(literal.opening)


@lru_cache(maxsize=8)
def _literals(source: str) -> dict[tuple[int, str], Literal]:
    """The strings that stand in calls, by the line of the call and their text."""
    lines = source.split("\n")
    starts = [0]
    for text in lines:
        starts.append(starts[-1] + len(text) + 1)

    def offset(line: int, column_bytes: int) -> int:
        text = lines[line - 1]
        return starts[line - 1] + (column_bytes if text.isascii() else len(text.encode()[:column_bytes].decode()))

    found: dict[tuple[int, str], Literal] = {}
    for call in _calls(ast.parse(source)):
        for node in (*call.args, *(keyword.value for keyword in call.keywords)):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                continue
            assert node.end_lineno is not None
            assert node.end_col_offset is not None
            start, end = offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)
            if source.count("\n", start, end) == node.value.count("\n"):
                literal = Literal(start, end, node.lineno, _opening(source[start:end]))
                found.setdefault((call.lineno, node.value), literal)
    return found


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    """What ``ast.walk`` finds of them, in a third of its time: it is called for every migration."""
    nodes: list[ast.AST] = [tree]
    for node in nodes:  # it grows
        if type(node) is ast.Call:
            yield node
        for value in vars(node).values():
            if isinstance(value, ast.AST):
                nodes.append(value)
            elif type(value) is list:
                nodes += [each for each in value if isinstance(each, ast.AST)]


def _opening(segment: str) -> str:
    letters = len(segment) - len(segment.lstrip("rRuU"))
    quote = segment[letters]
    return segment[: letters + (3 if segment[letters:].startswith(quote * 3) else 1)]
