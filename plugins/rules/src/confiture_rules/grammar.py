"""Templates are read: ``user_{id}@example.com``, ``{name|lower|default('n/a')}``, ``{random(4)}``, ``{{``."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Argument", "Call", "Filter", "Literal", "Name", "Part", "TemplateError", "parse_template", "plain"]


class TemplateError(ValueError):
    """The template cannot be read. ``position`` is an offset in it."""

    def __init__(self, message: str, position: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """An argument without quotes, or in an identifier's: a column."""

    name: str
    position: int


Argument = int | str | Name


@dataclass(frozen=True, slots=True)
class Filter:
    """What a placeholder's text goes through: ``|first(3)``."""

    name: str
    args: tuple[Argument, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """A placeholder. ``prefix`` stands before the dot (``raw``, ``row``, ``faker``); ``args`` None: no parentheses.

    ``quoted``: the name is an identifier in quotes, which is always a column.
    """

    prefix: str
    name: str
    args: tuple[Argument, ...] | None
    filters: tuple[Filter, ...]
    position: int
    quoted: bool = False


Part = Literal | Call


def plain(args: tuple[Argument, ...]) -> tuple[int | str, ...]:
    """The arguments where no column can be meant. Raises ``TemplateError`` for a name without quotes."""
    found: list[int | str] = []
    for arg in args:
        if isinstance(arg, Name):
            hint = f"write '{arg.name}' for the text"
            raise TemplateError(f"{arg.name!r} is a column's name here", arg.position, hint)
        found.append(arg)
    return tuple(found)


def parse_template(text: str) -> tuple[Part, ...]:
    """The template's parts. Raises ``TemplateError`` with the position."""
    return _Reader(text).parts()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def parts(self) -> tuple[Part, ...]:
        found: list[Part] = []
        literal = ""
        while self.at < len(self.text):
            character = self.text[self.at]
            if self.text[self.at : self.at + 2] in ("{{", "}}"):
                literal += character
                self.at += 2
            elif character == "{":
                if literal:
                    found.append(Literal(literal))
                literal = ""
                found.append(self.placeholder())
            elif character == "}":
                raise TemplateError("a brace that nothing opened", self.at, "write }} for the character itself")
            else:
                literal += character
                self.at += 1
        if literal or not found:
            found.append(Literal(literal))
        return tuple(found)

    def placeholder(self) -> Call:
        start = self.at
        self.at += 1
        self.blanks()
        if self.peek() == "}":
            raise TemplateError("empty braces", start, "write a column's name in them, or {{}} for the braces")
        prefix, quoted = "", self.peek() == '"'
        name = self.name(start)
        if self.peek() == "." and not quoted:
            self.at += 1
            prefix, quoted = name, self.peek() == '"'
            name = self.name(start)
        args = self.arguments(start) if self.peek() == "(" else None
        filters: list[Filter] = []
        self.blanks()
        while self.peek() == "|":
            self.at += 1
            self.blanks()
            position = self.at
            filter_name = self.name(start)
            given = self.arguments(start) if self.peek() == "(" else ()
            filters.append(Filter(filter_name, given, position))
            self.blanks()
        if self.peek() != "}":
            self.fail("the brace is not closed" if not self.peek() else f"{self.peek()!r} is not expected here", start)
        self.at += 1
        return Call(prefix, name, args, tuple(filters), start, quoted)

    def fail(self, message: str, start: int) -> None:
        at_end = self.at >= len(self.text)
        raise TemplateError(
            message, start if at_end else self.at, "write {{ for the character itself" if at_end else None
        )

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def blanks(self) -> None:
        while self.peek() == " ":
            self.at += 1

    def name(self, start: int) -> str:
        if self.peek() == '"':
            return self.quoted('"', start)
        begin = self.at
        while (character := self.peek()) and (character == "_" or character.isalnum() or character == "$"):
            self.at += 1
        if begin == self.at:
            self.fail("the brace is not closed" if not self.peek() else "a name is missing", start)
        return self.text[begin : self.at]

    def quoted(self, quote: str, start: int) -> str:
        begin = self.at
        self.at += 1
        found = ""
        while True:
            character = self.peek()
            if not character:
                raise TemplateError("the quotes are not closed", begin)
            self.at += 1
            if character != quote:
                found += character
            elif self.peek() == quote:
                found += quote
                self.at += 1
            else:
                return found

    def arguments(self, start: int) -> tuple[Argument, ...]:
        self.at += 1
        found: list[Argument] = []
        while True:
            self.blanks()
            if self.peek() == ")" and not found:
                break
            found.append(self.argument(start))
            self.blanks()
            if self.peek() == ")":
                break
            if self.peek() != ",":
                self.fail("the parenthesis is not closed", start)
            self.at += 1
        self.at += 1
        return tuple(found)

    def argument(self, start: int) -> Argument:
        if self.peek() == "'":
            return self.quoted("'", start)
        begin = self.at
        if self.peek() == "-":
            self.at += 1
        while self.peek().isdecimal():
            self.at += 1
        digits = self.text[begin : self.at]
        if digits.lstrip("-"):
            return int(digits)
        self.at = begin
        return Name(self.name(start), begin)
