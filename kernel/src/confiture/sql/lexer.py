"""psql's own lexing of a script: where statements end, COPY data and backslash commands.

The grammar knows neither ``COPY ... FROM stdin`` data nor backslash commands, so they are taken out before it sees
the text. This is the one place where SQL is read by rules of our own. They are those of psql's ``psqlscan.l``:
quotes, ``E''`` escapes (and their continuation on a further line), double quotes, dollar quotes, nested comments,
parentheses, and the BEGIN/CASE/END counting that keeps the body of ``CREATE FUNCTION ... BEGIN ATOMIC`` together.
``standard_conforming_strings`` is on, as it has been since PostgreSQL 9.1.
"""

from __future__ import annotations

from typing import NoReturn

import msgspec

from confiture.errors import SyntaxInvalid, UnsupportedScript
from confiture.model import SourceFile
from confiture.sql.grammar import GrammarError, parse
from confiture.sql.places import error_at
from confiture.sql.psqlscan import ARGUMENTS, BLANK, COMMAND_NAME, COMMENT_EDGE, TOKEN, WHOLE_LINE, WORD

__all__ = ["CopyBlock", "Lexed", "MetaCommand", "lex", "needs_lexing"]


class CopyBlock(msgspec.Struct, frozen=True):
    r"""Data after ``COPY ... FROM stdin``. ``statement_end`` is the offset of its semicolon, the span is the data's.

    The line ``\.`` is not part of the data.
    """

    statement_end: int
    data_start: int
    data_end: int


class MetaCommand(msgspec.Struct, frozen=True):
    """A backslash command: its name without the backslash, its arguments as one text, its offset."""

    name: str
    arguments: str
    offset: int


class Lexed(msgspec.Struct, frozen=True):
    """A file's text with COPY data and backslash commands turned to spaces, so that every offset is unchanged.

    ``ends`` are the offsets of the semicolons that end statements.
    """

    sql: str
    ends: tuple[int, ...] = ()
    copies: tuple[CopyBlock, ...] = ()
    commands: tuple[MetaCommand, ...] = ()


def needs_lexing(sql: str) -> bool:
    """Whether the text may hold anything that the grammar does not know: a backslash, or COPY from the client."""
    if "\\" in sql:
        return True
    lower = sql.lower()
    return "stdin" in lower or "stdout" in lower  # COPY ... FROM stdout is COPY FROM stdin to the grammar


def lex(file: SourceFile) -> Lexed:
    """Read one file by psql's rules.

    Raises ``SyntaxInvalid`` where a quote, a comment or a dollar quote is never closed (it points at where it opened)
    and where a COPY statement is not valid; ``UnsupportedScript`` where a quote opens on a COPY statement's line and
    goes on behind its data.
    """
    return _Lexer(file).run()


class _Lexer:
    """The state of one run over one file."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.text = file.sql
        self.blanks: list[tuple[int, int]] = []
        self.ends: list[int] = []
        self.copies: list[CopyBlock] = []
        self.commands: list[MetaCommand] = []
        self.pos = 0
        self.parens = 0
        self.blocks = 0
        self.start = 0
        self.words: tuple[str, ...] = ()
        #: Where the line after the last COPY statement's begins, and where its data ended.
        self.copy_line = (-1, -1)
        #: Where data begins that is yet to be passed, while the rest of its COPY statement's line is read.
        self.data_ahead: int | None = None

    def run(self) -> Lexed:
        self.begin_statement(0)
        text = self.text
        next_token = TOKEN.match
        while match := next_token(text, self.pos):
            kind = match.lastgroup
            self.pos = match.end()
            if kind == "open":
                self.parens += 1
            elif kind == "close":
                self.parens = max(0, self.parens - 1)
            elif kind == "semicolon":
                if not self.parens and not self.blocks:
                    self.end_statement(match.start(kind))
                    text = self.text
            elif kind == "comment":
                self.pos = self.after_comment(match.start(kind))
            elif kind == "dollar":
                tag = match.group(kind)
                end = text.find(tag, self.pos)
                if end < 0:
                    self.unterminated(match.start(kind), f"dollar quote {tag}", f"close it with {tag}")
                self.pos = end + len(tag)
            elif kind == "backslash":
                self.backslash(match.start(kind))
            elif kind == "block":
                self.block(match.group(kind).lower())
            elif kind is None:  # the end
                break
            elif kind == "unterminated":
                # E'... without an end matches here as well, its closing quote being escaped.
                what = "quoted string" if match.group(kind) == "'" else "quoted name"
                self.unterminated(match.start(kind), what, f"close it with {match.group(kind)}")
            if self.data_ahead is not None and self.pos > self.data_ahead:
                self.pass_data(kind, match.start(kind) if kind else self.pos)
        if self.words[:1] == ("copy",) and not self.ends_blank():
            self.end_copy(len(text))
        return Lexed(self.blanked(), tuple(self.ends), tuple(self.copies), tuple(self.commands))

    def begin_statement(self, pos: int) -> None:
        """Read the words that decide how the statement is split: COPY, CREATE [OR REPLACE] FUNCTION | PROCEDURE."""
        self.start = pos
        self.parens = self.blocks = 0
        words: list[str] = []
        while len(words) < 4:
            pos = self.skip_blank(pos)
            match = WORD.match(self.text, pos)
            if match is None:
                break
            words.append(match.group().lower())
            if words[0] not in ("create", "copy"):
                break
            pos = match.end()
        self.words = tuple(words)

    def skip_blank(self, pos: int) -> int:
        """The next offset that is neither white space nor comment; an open comment is left to the main loop."""
        while True:
            match = BLANK.match(self.text, pos)
            pos = match.end() if match else pos
            if not self.text.startswith("/*", pos):
                return pos
            pos = self.after_comment(pos)

    def block(self, word: str) -> None:
        """Count BEGIN, CASE and END in a CREATE FUNCTION, as psqlscan.l does, so that its semicolons end nothing."""
        routine = ("function", "procedure")
        if self.parens or not (
            self.words[:1] == ("create",)
            and (
                self.words[1:2] in (routine[:1], routine[1:])
                or (self.words[1:3] == ("or", "replace") and self.words[3:4] in (routine[:1], routine[1:]))
            )
        ):
            return
        if word == "begin" or (word == "case" and self.blocks):
            self.blocks += 1
        elif word == "end" and self.blocks:
            self.blocks -= 1

    def after_comment(self, start: int) -> int:
        """The offset behind the comment that opens at ``start``; comments nest."""
        depth = 1
        pos = start + 2
        while depth:
            match = COMMENT_EDGE.search(self.text, pos)
            if match is None:
                self.unterminated(start, "comment", "close it with */ (comments nest: each /* needs its own)")
            depth += 1 if match.group() == "/*" else -1
            pos = match.end()
        return pos

    def end_statement(self, semicolon: int) -> None:
        self.ends.append(semicolon)
        if self.words[:1] == ("copy",):
            self.end_copy(semicolon)
        self.begin_statement(self.pos)

    def end_copy(self, end: int) -> None:
        """Take the data out if the statement reads from the client; the grammar itself decides that."""
        statement = self.blanked(self.start, end)
        try:
            tree = parse(statement)
        except GrammarError as error:
            raise error_at(SyntaxInvalid, self.file, self.start + (error.position or 0), error.message) from None
        copy = tree.stmts[0].stmt.copy_stmt
        if not copy.is_from or copy.filename or copy.is_program:
            return
        # The data begins on the line after the semicolon's, behind the data of a COPY earlier on that line.
        newline = self.text.find("\n", end)
        start = newline + 1 if newline >= 0 else len(self.text)
        if start == self.copy_line[0]:
            start = min(self.copy_line[1] + 1, len(self.text))
        data_end, resume = self.copy_data_end(start)
        self.copy_line = (newline + 1 if newline >= 0 else len(self.text), resume)
        self.copies.append(CopyBlock(end, start, data_end))
        self.blanks.append((start, resume))
        if self.text[self.pos : start].isspace() or self.pos >= start:
            self.pos = resume
        else:
            # Something follows on COPY's own line; psql reads it after the data.
            self.text = self.blanked()
            self.data_ahead = start

    def pass_data(self, kind: str, start: int) -> None:
        """A quote may go on behind the data: psql would leave the data out of it, spaces would change its value."""
        if start < (self.data_ahead or 0) and kind in ("string", "name", "escaped", "dollar"):
            hint = "begin a new line after the COPY statement and its data"
            raise error_at(UnsupportedScript, self.file, start, "a quote cannot go on behind COPY data", hint=hint)
        self.data_ahead = None

    def copy_data_end(self, start: int) -> tuple[int, int]:
        r"""Where the data ends, and where its closing line does: a line with ``\.`` alone, or the end of the file."""
        text = self.text
        pos = start if text.startswith("\\.", start) else text.find("\n\\.", start) + 1
        while pos > 0:
            end = pos + 2
            if text.startswith("\r", end):
                end += 1
            if end >= len(text) or text[end] == "\n":
                return pos, end
            pos = text.find("\n\\.", pos) + 1
        return len(text), len(text)

    def backslash(self, start: int) -> None:
        if self.text[start + 1 : start + 2] in (";", ":"):
            # A separator (or colon) that psql passes on to the server without its backslash.
            self.blanks.append((start, start + 1))
            self.pos = start + 1
            if self.text[self.pos] == ":":
                self.pos += 1
            return
        match = COMMAND_NAME.match(self.text, start)
        assert match is not None
        name = match.group(1)
        if name.lower() in WHOLE_LINE:
            end = self.text.find("\n", match.end())
            end = end if end >= 0 else len(self.text)
        else:
            arguments = ARGUMENTS.match(self.text, match.end())
            end = arguments.end() if arguments else match.end()
        self.commands.append(MetaCommand(name, self.text[match.end() : end].strip(), start))
        if self.text.startswith("\\\\", end):
            end += 2
        self.blanks.append((start, end))
        self.pos = max(end, start + 1)
        if not self.words:  # the statement begins behind the command
            opened, blocks = self.parens, self.blocks
            start_of_statement = self.start
            self.begin_statement(self.pos)
            self.parens, self.blocks, self.start = opened, blocks, start_of_statement

    def ends_blank(self) -> bool:
        """Whether nothing but blanks follows the last statement."""
        return self.skip_blank(self.start) >= len(self.text)

    def blanked(self, start: int = 0, end: int | None = None) -> str:
        """The text from ``start`` to ``end`` with everything in ``blanks`` turned to spaces, line ends kept."""
        end = len(self.text) if end is None else end
        pieces: list[str] = []
        pos = start
        for first, last in sorted(self.blanks):
            if last <= start or first >= end:
                continue
            pieces += (self.text[pos:first], _spaces(self.text[first:last]))
            pos = last
        pieces.append(self.text[pos:end])
        return "".join(pieces)

    def unterminated(self, offset: int, what: str, how: str) -> NoReturn:
        raise error_at(
            SyntaxInvalid,
            self.file,
            offset,
            f"unterminated {what}",
            hint=f"it opens here and the file ends before it does: {how}, or look for a quote too many above",
        )


def _spaces(text: str) -> str:
    """As many spaces as the text has characters, its line ends kept."""
    return "\n".join(" " * len(line) for line in text.split("\n"))
