"""Where DDL declares what: wholes, and the columns, constraints, attributes and labels in them, token by token.

The parse tree has no comments and no places for names, so that hints are put to what they are about by the tokens
of PostgreSQL's own scanner. What is not understood here declares nothing; the loader says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from confiture.model import SourceFile
from confiture.sql.lexer import lex, needs_lexing

__all__ = ["Script", "Thing", "Token", "read_declared"]

_MODIFIERS = frozenset(
    ("or", "replace", "unique", "temp", "temporary", "unlogged", "global", "local", "recursive", "constraint")
)
_KINDS = frozenset(
    (
        *("table", "view", "index", "type", "domain", "sequence", "function", "procedure", "aggregate", "trigger"),
        *("policy", "rule", "statistics", "schema", "collation", "server", "publication"),
    )
)
#: What begins a table's constraint without a name, or copies columns.
_UNNAMED = frozenset(["primary", "unique", "check", "foreign", "exclude", "like", "not"])


class Token(msgspec.Struct, frozen=True):
    """A token: its text as written, its offset and its line. ``first``: nothing else stands before it on its line."""

    text: str
    offset: int
    line: int
    comment: bool
    first: bool

    @property
    def word(self) -> str:
        """The text in lower case, for a look at keywords."""
        return self.text.lower()


class Thing(msgspec.Struct, eq=False):
    """Something declared. ``path`` is SQL text, ``()`` where it has no name; ``whole``: it is not a part of another.

    ``start`` to ``end`` are its tokens, ``name_end`` the last one of its name, ``opens`` the parenthesis behind it.
    """

    path: tuple[str, ...]
    start: int
    end: int
    whole: bool
    name_end: int = -1
    opens: int = -1
    label: bool = False


class Script(msgspec.Struct, frozen=True):
    """A file's tokens, and the statements in it: first and last token, and what each declares, wholes first."""

    tokens: tuple[Token, ...]
    statements: tuple[tuple[int, int, tuple[Thing, ...]], ...]


def read_declared(file: SourceFile) -> Script:
    """The tokens of a file and what it declares; nothing where PostgreSQL's scanner refuses it."""
    tokens = tuple(_scan(lex(file).sql if needs_lexing(file.sql) else file.sql))
    found = []
    for first, last in _statements(tokens):
        reader = _Reader(tokens, [i for i in range(first, last + 1) if not tokens[i].comment])
        found.append((first, last, tuple(reader.read())))
    return Script(tokens, tuple(found))


def _scan(sql: str) -> Iterator[Token]:
    from postgast import PgQueryError, scan
    from postgast.pg_query_pb2 import C_COMMENT, SQL_COMMENT

    try:
        found = scan(sql).tokens
    except PgQueryError:
        return
    encoded = sql.encode()
    byte = offset = 0
    line, last_line = 1, 0
    for token in found:
        between = encoded[byte : token.start].decode()
        offset += len(between)
        line += between.count("\n")
        text = encoded[token.start : token.end].decode()
        yield Token(text, offset, line, token.token in (SQL_COMMENT, C_COMMENT), line != last_line)
        offset += len(text)
        line += text.count("\n")
        byte, last_line = token.end, line


def _statements(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    depth = start = 0
    for index, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if token.text == ";" and depth <= 0:
            yield start, index
            start, depth = index + 1, 0
    if start < len(tokens):
        yield start, len(tokens) - 1


class _Reader:
    """One statement: ``at`` are the indexes of its tokens that are no comments, ``pos`` counts in them."""

    def __init__(self, tokens: Sequence[Token], at: Sequence[int]) -> None:
        self.tokens = tokens
        self.at = at
        self.pos = 0

    def read(self) -> list[Thing]:
        if self._accept("create"):
            return self._create()
        if self._accept("alter"):
            return self._alter()
        return []

    def _word(self, ahead: int = 0) -> str:
        index = self.pos + ahead
        return self.tokens[self.at[index]].word if 0 <= index < len(self.at) else ""

    def _accept(self, *words: str) -> bool:
        if all(self._word(ahead) == word for ahead, word in enumerate(words)):
            self.pos += len(words)
            return True
        return False

    def _name(self) -> tuple[str, ...]:
        """A name with its dots; () where there is none."""
        found: list[str] = []
        while self.pos < len(self.at):
            text = self.tokens[self.at[self.pos]].text
            if not (text[0].isalpha() or text[0] in '_"' or ord(text[0]) > 127):
                break
            found.append(text)
            self.pos += 1
            if not self._accept("."):
                break
        return tuple(found)

    def _create(self) -> list[Thing]:
        while self._word() in _MODIFIERS:
            self.pos += 1
        for words in (("materialized",), ("foreign", "data"), ("event",), ("text", "search"), ("foreign",)):
            if self._accept(*words):
                break
        kind = self._word()
        self.pos += 1
        if self.pos > 1 and kind not in _KINDS and kind not in (
            "wrapper", "configuration", "dictionary", "parser", "template"
        ):  # fmt: skip
            return []
        self._accept("concurrently")
        self._accept("if", "not", "exists")
        if kind == "index" and self._word() == "on":
            return []
        path = self._name()
        if not path:
            return []
        name_end = self.at[self.pos - 1]
        opens = self._find_open()
        path = self._in_table(kind, path)
        whole = Thing(path, self.at[0], self.at[-1], True, name_end, self.at[opens] if opens >= 0 else -1)
        if opens < 0 or kind not in ("table", "type"):
            return [whole, *(self._inline(path, 0, len(self.at)) if kind == "domain" else ())]
        if kind == "type":
            before = self.tokens[self.at[opens - 1]].word
            if before not in ("enum", "as"):
                return [whole]
        return [whole, *self._elements(path, opens)]

    def _find_open(self) -> int:
        return next((i for i in range(self.pos, len(self.at)) if self.tokens[self.at[i]].text == "("), -1)

    def _in_table(self, kind: str, name: tuple[str, ...]) -> tuple[str, ...]:
        """The path of what stands on a table, or in its schema."""
        if kind not in ("index", "trigger", "policy", "rule", "statistics"):
            return name
        for index in range(self.pos, len(self.at)):
            if self.tokens[self.at[index]].word == {"rule": "to", "statistics": "from"}.get(kind, "on"):
                self.pos = index + 1
                self._accept("only")
                table = self._name()
                if kind == "statistics":
                    return name
                return (*table[:-1], *name) if kind == "index" else (*table, *name)
        return name

    def _segments(self, start: int, depth: int) -> Iterator[tuple[int, int]]:
        """From ``start`` on, what commas part at that depth of parentheses, until it closes."""
        level, first = depth, start
        for index in range(start, len(self.at)):
            text = self.tokens[self.at[index]].text
            level += (text in "([") - (text in ")]")
            if level < depth or (text == ";" and level == depth) or (text == "," and level == depth):
                if index > first:
                    yield first, index - 1
                first = index + 1
                if text != ",":
                    return
        if first < len(self.at):
            yield first, len(self.at) - 1

    def _elements(self, parent: tuple[str, ...], opens: int) -> Iterator[Thing]:
        for first, last in self._segments(opens + 1, 1):
            self.pos = first
            text = self.tokens[self.at[first]].text
            if text[0] in "'eE" and text[-1] == "'":
                yield Thing((*parent, text), self.at[first], self.at[last], False, label=True)
                continue
            named = self._accept("constraint")
            if not named and self._word() in _UNNAMED:
                continue
            name = self._name()
            if name:
                yield Thing((*parent, name[-1]), self.at[first], self.at[last], False)
                yield from self._inline(parent, self.pos, last + 1)

    def _inline(self, parent: tuple[str, ...], start: int, end: int) -> Iterator[Thing]:
        """Constraints with a name and a line of their own in a column or a domain."""
        for index in range(start, end):
            token = self.tokens[self.at[index]]
            if token.word == "constraint" and token.first:
                self.pos = index + 1
                name = self._name()
                if name:
                    yield Thing((*parent, name[-1]), self.at[index], self.at[end - 1], False)

    def _alter(self) -> list[Thing]:
        self._accept("foreign")
        kind = self._word()
        self.pos += 1
        if kind not in ("table", "type", "domain"):
            return []
        self._accept("if", "exists")
        self._accept("only")
        parent = self._name()
        self._accept("*")
        found: list[Thing] = []
        for first, last in self._segments(self.pos, 0):
            self.pos = first
            if not self._accept("add"):
                continue
            if kind == "type":
                label = self._accept("value")
                self._accept("if", "not", "exists")
                text = self.tokens[self.at[self.pos]].text if self.pos < len(self.at) else ""
                if label and text.endswith("'"):
                    found.append(Thing((*parent, text), self.at[first], self.at[last], False, label=True))
                    continue
                self._accept("attribute")
            elif not self._accept("constraint"):
                if self._word() in _UNNAMED:
                    continue
                self._accept("column")
                self._accept("if", "not", "exists")
            name = self._name()
            if name:
                found.append(Thing((*parent, name[-1]), self.at[first], self.at[last], False))
        return found
