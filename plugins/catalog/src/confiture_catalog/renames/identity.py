"""Identities as SQL text, taken apart and put together; and the words of what PostgreSQL printed.

Identities come from the server, so they are quoted where needed. What a person wrote may be quoted or not.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["bare", "last", "parts", "positions", "relative", "words"]

#: What closes each quote.
_QUOTES = "\"'"


@lru_cache(maxsize=65536)
def parts(text: str) -> tuple[tuple[str, ...], str]:
    """The parts between the dots of a name, as SQL text, and what follows it (``(integer)``, `` USING btree``)."""
    found: list[str] = []
    start = position = 0
    while position < len(text):
        character = text[position]
        if character in _QUOTES:
            position = _after_quote(text, position)
            continue
        if character == ".":
            found.append(text[start:position])
            start = position + 1
        elif character in "( ":
            break
        position += 1
    found.append(text[start:position])
    return tuple(found), text[position:]


def _after_quote(text: str, start: int) -> int:
    """The offset behind the quoted text that opens at ``start``; doubled quotes belong to it."""
    quote = text[start]
    position = start + 1
    while (position := text.find(quote, position)) >= 0:
        if text[position + 1 : position + 2] != quote:
            return position + 1
        position += 2
    return len(text)


def bare(part: str) -> str:
    """The name itself: quotes taken off, or folded to lower case as PostgreSQL does."""
    if part[:1] in ('"', "'") and part[-1:] == part[:1] and len(part) > 1:
        return part[1:-1].replace(part[0] * 2, part[0])
    return part.lower()


def last(identity: str) -> str:
    """The last part of an identity, as SQL text: a column without its table."""
    return parts(identity)[0][-1]


def relative(identity: str) -> str:
    """An identity without its schema."""
    found, rest = parts(identity)
    return ".".join(found[1:]) + rest


@lru_cache(maxsize=8192)
def words(text: str) -> tuple[str, ...]:
    """Names, words and signs of a text that PostgreSQL printed; a quoted name or string is one word."""
    found: list[str] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character in _QUOTES:
            end = _after_quote(text, position)
        elif character.isalnum() or character in "_$":
            end = position + 1
            while end < len(text) and (text[end].isalnum() or text[end] in "_$"):
                end += 1
        else:
            end = position + 1
        if not character.isspace():
            found.append(text[position:end])
        position = end
    return tuple(found)


def positions(text: str, name: str) -> tuple[int, tuple[int, ...]]:
    """How many words a text has, and where among them a name stands."""
    found = words(text)
    return len(found), tuple(index for index, word in enumerate(found) if word == name)
