"""Small changes to definitions as PostgreSQL prints them. Their shape is ruleutils.c's: fixed words, one space."""

from __future__ import annotations

from typing import NamedTuple

from confiture.model import SchemaObject
from confiture_catalog.differ.names import bare

__all__ = ["IndexText", "cut_end", "read_index", "without_semicolon"]

_PREFIXES = ("CREATE UNIQUE INDEX ", "CREATE INDEX ")


class IndexText(NamedTuple):
    """An index's definition, cut: ``prefix name ON [ONLY] body [WITH (options)] tail``."""

    prefix: str
    name: str
    only: bool
    body: str
    #: ``name=value`` each, as SQL text.
    options: tuple[str, ...]
    #: From ``WHERE`` on.
    tail: str

    @property
    def shape(self) -> tuple[str, str]:
        """What cannot change in place: all but its name and its options."""
        return (self.prefix, self.body + self.tail)

    def statement(
        self, *, name: str | None = None, concurrently: bool = False, tablespace: str | None = None, only: bool = False
    ) -> str:
        """CREATE INDEX. ``tablespace`` is for definitions where it can be the last word: see :attr:`partial`."""
        options = f" WITH ({', '.join(self.options)})" if self.options else ""
        space = f" TABLESPACE {tablespace}" if tablespace else ""
        return (
            f"{self.prefix}{'CONCURRENTLY ' if concurrently else ''}{name or self.name}"
            f" ON {'ONLY ' if only else ''}{self.body}{options}{space}{self.tail}"
        )


def read_index(found: SchemaObject) -> IndexText:
    """Cut an index's ``definition``."""
    text = str(found.properties["definition"])
    prefix = next(each for each in _PREFIXES if text.startswith(each))
    name = bare(found)
    rest = text[len(prefix) + len(name) + len(" ON ") :]
    only = rest.startswith("ONLY ")
    body = rest.removeprefix("ONLY ")
    return IndexText(prefix, name, only, *_options(prefix + name + " ON ", body))


def _options(head: str, body: str) -> tuple[str, tuple[str, ...], str]:
    """What stands before WITH, its options, and what stands behind. The grammar says where they are."""
    if " WITH (" not in body:
        return body, (), ""
    from confiture.sql.grammar import parse

    index = parse(head + body).stmts[0].stmt.index_stmt
    if not index.options:
        # The predicate is printed last, and nothing of what stands before it can hold the word outside of quotes.
        return body, (), ""
    first = _characters(head + body, index.options[0].def_elem.location) - len(head)
    start = body.rindex(" WITH (", 0, first)
    # No value of an index's option has a parenthesis or a comma in it: they are numbers, words and switches.
    end = body.index(")", first)
    return body[:start], tuple(body[first:end].split(", ")), body[end + 1 :]


def _characters(text: str, bytes_: int) -> int:
    return len(text.encode()[:bytes_].decode())


def without_semicolon(definition: object) -> str:
    """Of views and rules, which PostgreSQL prints with one."""
    return str(definition).removesuffix(";")


def cut_end(definition: str, *ends: str) -> str:
    """Without the endings, which stand in the reverse of that order."""
    for end in ends:
        definition = definition.removesuffix(end)
    return definition
