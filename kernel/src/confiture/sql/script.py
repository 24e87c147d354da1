"""Schema files read into a plan, as ``psql -f`` would run them.

Each file is lexed and parsed by itself, so that what is wrong in one never swallows the next. What psql's autocommit
makes void or dangerous is refused by name: BEGIN and its kin, SET LOCAL, SET TRANSACTION, SET CONSTRAINTS (they last
as long as a transaction, and psql, file by file, has none). So is what would make this module read the text wrongly:
another client encoding, ``standard_conforming_strings = off`` in a file with backslashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from confiture.errors import SyntaxInvalid, UnsupportedScript
from confiture.model import Origin, Plan, SourceFile, Statement
from confiture.sql.grammar import GrammarError, kind_of, parse, walk
from confiture.sql.lexer import Lexed, lex, needs_lexing
from confiture.sql.meta import check_command
from confiture.sql.places import error_at
from confiture.sql.recent import TREES
from confiture.sql.transactional import why_not_transactional

if TYPE_CHECKING:
    from postgast import ParseResult

__all__ = ["read_file", "read_script"]

_SESSION_KINDS = frozenset({"VariableSetStmt", "DiscardStmt", "LoadStmt", "PrepareStmt", "DeallocateStmt"})
_CHECKED_KINDS = frozenset({"TransactionStmt", "ConstraintsSetStmt", "VariableSetStmt"})
_CONNECT = ("c", "connect")
_UTF8_NAMES = ("utf8", "utf-8", "unicode", "")
#: A word that begins a statement: met elsewhere, a semicolon is missing before it.
_STATEMENT_WORDS = frozenset(
    {"alter", "comment", "create", "copy", "drop", "grant", "insert", "revoke", "set", "truncate", "update"}
)


def read_script(files: Sequence[SourceFile], *, transactions: bool = False, migration: bool = False) -> Plan:
    r"""The statements of the files, in order, with their origins. Empty statements are dropped, as psql does.

    ``transactions``: transaction control, and what lasts as long as a transaction, are left in for the caller to
    honour, and ``\connect`` is passed over. ``migration``: the files run in a transaction of their own, so that SET
    LOCAL and SET CONSTRAINTS mean something. Raises ``SyntaxInvalid`` and ``UnsupportedScript`` with file, line and
    column.
    """
    statements: list[Statement] = []
    for file in files:
        statements += read_file(file, transactions=transactions, migration=migration)
    return Plan(statements=tuple(statements), sources=tuple(files))


def read_file(file: SourceFile, *, transactions: bool = False, migration: bool = False) -> list[Statement]:
    """The statements of one file. See :func:`read_script`."""
    sql = file.sql
    if sql.startswith("\ufeff"):  # psql skips a byte order mark too; a space keeps the offsets
        file = SourceFile(file.path, " " + sql[1:])
        sql = file.sql
    zero = sql.find("\0")
    if zero >= 0:
        hint = "the file is binary, or not UTF-8: convert it"
        raise error_at(SyntaxInvalid, file, zero, "the file holds a null character", hint=hint)
    lexed = lex(file) if needs_lexing(sql) else Lexed(sql)
    for command in lexed.commands:
        if not (transactions and command.name in _CONNECT):
            check_command(file, command)
    try:
        tree = parse(lexed.sql)
    except GrammarError as error:
        lex(file)  # says where a quote opened, which the grammar says only of the text it was in
        raise _syntax_error(file, lexed, error) from None
    return _statements(file, lexed, tree, transactions, migration)


def _statements(
    file: SourceFile, lexed: Lexed, tree: ParseResult, transactions: bool, migration: bool
) -> list[Statement]:
    sql = lexed.sql
    encoded = None if sql.isascii() else sql.encode()
    copies = {block.statement_end: block for block in lexed.copies}
    statements: list[Statement] = []
    byte = offset = 0  # the same place, in bytes and in characters
    line, line_start = 1, 0
    path = file.path
    for raw in tree.stmts:
        field = raw.stmt.WhichOneof("node")
        if field is None:
            continue
        first, length = raw.stmt_location, raw.stmt_len
        if encoded is None:
            start = first
            end = start + length if length else len(sql)
        else:
            start = offset + len(encoded[byte:first].decode())
            end = start + len(encoded[first : first + length].decode()) if length else len(sql)
            byte, offset = first, start
        newlines = sql.count("\n", line_start, start)
        if newlines:
            line += newlines
            line_start = sql.rfind("\n", line_start, start) + 1
        kind = kind_of(field)
        node = getattr(raw.stmt, field)
        if kind in _CHECKED_KINDS:
            _check(file, start, kind, node, "\\" in sql, transactions, migration)
        data: bytes | None = None
        if kind == "CopyStmt" and node.is_from and not node.filename and not node.is_program:
            _check_copy(file, start, node)
            block = copies.pop(end, None)
            if block is None:
                hint = "put the COPY statement and its data into a file of their own"
                raise error_at(UnsupportedScript, file, start, "cannot tell this COPY's data from SQL", hint=hint)
            data = file.sql[block.data_start : block.data_end].encode()
        text = sql[start:end].rstrip()
        if kind != "InsertStmt":  # rows of data, by the thousand
            TREES.put(text, node)
        statements.append(
            Statement(
                sql=text,
                origin=Origin(path, line, start - line_start + 1, start),
                kind=kind,
                transactional=why_not_transactional(node) is None,
                session=kind in _SESSION_KINDS or (kind == "SelectStmt" and _sets_config(node, sql[start:end])),
                copy_data=data,
            )
        )
    return statements


def _sets_config(node: Any, sql: str) -> bool:
    """Whether a SELECT calls ``set_config`` for more than its own transaction; pg_dump does for the search path."""
    if "set_config" not in sql.lower():
        return False
    for item in walk(node):
        if type(item).__name__ == "FuncCall" and item.funcname[-1].string.sval == "set_config":
            last = item.args[-1].a_const if item.args else None
            if last is None or last.WhichOneof("val") != "boolval" or not last.boolval.boolval:
                return True
    return False


def _check(
    file: SourceFile, start: int, kind: str, node: Any, backslashes: bool, transactions: bool, migration: bool
) -> None:
    """Refuse what cannot mean here what it says. ``backslashes``: the SQL of the file has any."""
    what = hint = ""
    if transactions and (kind != "VariableSetStmt" or node.name.startswith("TRANSACTION")):
        return
    if kind == "TransactionStmt":
        what = "transaction control"
        hint = f"remove it: a {'migration' if migration else 'build'} is all or nothing by itself"
    elif kind == "ConstraintsSetStmt":
        if migration:
            return
        what = '"SET CONSTRAINTS"'
        hint = "it lasts as long as a transaction, and a schema file has none of its own: remove it"
    elif node.name in ("TRANSACTION", "TRANSACTION SNAPSHOT"):
        what = '"SET TRANSACTION"'
        hint = "it lasts as long as a transaction, and a schema file has none of its own: remove it"
    elif node.is_local and not (transactions or migration):
        what = '"SET LOCAL"'
        hint = "it lasts as long as a transaction, and a schema file has none of its own: write SET, and RESET after"
    else:
        value = node.args[0].a_const.sval.sval.lower() if node.args else ""
        name = node.name.lower()
        if name == "client_encoding" and value not in _UTF8_NAMES:
            what = f'the client encoding "{value}"'
            hint = "confiture reads schema files as UTF-8: convert the file and remove this line"
        elif backslashes and name == "standard_conforming_strings" and value in ("off", "false", "no", "0"):
            # Old dumps begin with it; without a backslash the text means the same either way.
            what = '"standard_conforming_strings = off"'
            hint = "write E'...' where backslashes escape, and remove this line"
    if what:
        raise error_at(
            UnsupportedScript,
            file,
            start,
            f"a {'migration' if migration else 'schema file'} cannot hold {what}",
            hint=hint,
        )


def _check_copy(file: SourceFile, start: int, node: Any) -> None:
    for option in node.options:
        definition = option.def_elem
        if definition.defname == "format" and definition.arg.string.sval.lower() == "binary":
            hint = "write the data as text or csv: binary data does not fit into a script"
            raise error_at(UnsupportedScript, file, start, "a schema file cannot hold binary COPY data", hint=hint)


def _syntax_error(file: SourceFile, lexed: Lexed, error: GrammarError) -> SyntaxInvalid:
    position = error.position
    if position is None:
        position = _failing_statement(lexed)
    return error_at(SyntaxInvalid, file, position, error.message, hint=_hint(lexed.sql, position, error.message))


def _failing_statement(lexed: Lexed) -> int:
    """Where the first statement begins that is not valid by itself, for an error without a position."""
    start = 0
    for end in (*lexed.ends, len(lexed.sql)):
        try:
            parse(lexed.sql[start:end])
        except GrammarError:
            return start + len(lexed.sql[start:end]) - len(lexed.sql[start:end].lstrip())
        start = end + 1
    return 0


def _hint(sql: str, position: int, message: str) -> str | None:
    before = sql[:position].rstrip()
    rest = sql[position:]
    if "at end of input" in message:
        return "the last statement is not complete"
    if before.endswith(",") and rest[:1] in (")", ";"):
        return "remove the comma before it"
    if rest[:1] == ":" or before.endswith(":"):
        return "psql variables (:name) are not filled in: write the value itself"
    word = rest.split(maxsplit=1)[0].lower() if rest.split(maxsplit=1) else ""
    if word in _STATEMENT_WORDS and before and before[-1] != ";":
        return "is a semicolon missing at the end of the statement before?"
    return None
