"""Hints in DDL: what was renamed from what, and what is really meant to go.

``-- confiture: renamed from full_name`` stands on the line of what has the new name, or alone on a line before it.
``-- @renamed from=full_name`` (sqldef) stands behind it, for a whole behind its name or its opening parenthesis;
``-- pista:renamed-from full_name`` (pistachio) alone on a line before it. ``-- confiture: drop users.full_name``
stands anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from confiture.errors import SyntaxInvalid
from confiture.model import Decisions, SourceFile
from confiture.quoting import quote_literal
from confiture.sql.places import error_at
from confiture_diff.declared import Script, Thing, Token, read_declared

__all__ = ["read_hints"]

#: A file without any of these has no hints.
_MARKS = ("renamed", "@rename", "confiture:")


class _Hint(msgspec.Struct, frozen=True):
    """A comment that says something. ``style``: whose it is."""

    style: str
    name: str


class _Renamed(msgspec.Struct, frozen=True):
    """What has a new name, and the old one."""

    old: tuple[str, ...]
    new: tuple[str, ...]


def read_hints(old: Sequence[SourceFile], new: Sequence[SourceFile]) -> Decisions:
    """The decisions that the comments of both sides hold.

    Those of ``old`` are read backwards: what it says was renamed from ``x`` is ``x`` again in ``new``. One that has
    been carried out is as good as none. Raises ``SyntaxInvalid`` for a hint of ours that is no hint, or about nothing.
    """
    forward = [each for file in new for each in _renamed(file)]
    backward = [each for file in old for each in _renamed(file)]
    found = {_text(each.old): _text((each.new[-1],) if len(each.new) > 1 else each.new) for each in forward}
    moved = {_text(each.old): _text(each.new) for each in forward if each.old[:-1] != each.new[:-1]}
    found |= moved
    if backward:
        declared = [thing.path for file in new for thing in _things(file)]
        names, paths = {_folded(path) for path in declared}, {_text(path) for path in declared}
        for each in backward:
            # Left from an earlier change: what it says was the old name then is none of the new side's, or what has
            # the new name is there as well.
            if not new or (_folded(each.old) in names and _text(each.new) not in paths):
                found.setdefault(_text(each.new), _text(each.old if _is_moved(each) else each.old[-1:]))
    return Decisions(renames=tuple(found.items()), drops=tuple(dict.fromkeys(_drops(new))))


def _is_moved(each: _Renamed) -> bool:
    return each.old[:-1] != each.new[:-1]


def _text(path: tuple[str, ...]) -> str:
    return ".".join(path)


def _folded(path: tuple[str, ...]) -> str:
    part = path[-1]
    return part[1:-1] if part[:1] in ('"', "'") else part.lower()


def _things(file: SourceFile) -> Iterator[Thing]:
    for _, _, things in read_declared(file).statements:
        yield from (thing for thing in things if thing.path)


def _drops(files: Sequence[SourceFile]) -> Iterator[str]:
    for file in files:
        if "confiture:" not in file.sql:
            continue
        for token in read_declared(file).tokens:
            said = _after(_body(token), "confiture:") if token.comment else None
            if said is not None and (name := _after(said, "drop ")) is not None:
                yield _first_name(name)


def _renamed(file: SourceFile) -> Iterator[_Renamed]:
    if not any(mark in file.sql for mark in _MARKS):
        return
    script = read_declared(file)
    said: set[int] = set()
    for index, token in enumerate(script.tokens):
        hint = _hint(file, token) if token.comment else None
        if hint is None:
            continue
        thing = _sqldef(script, index) if hint.style == "sqldef" else _near(script, index)
        if thing is None or not thing.path:
            if hint.style == "confiture":
                raise error_at(
                    SyntaxInvalid,
                    file,
                    token.offset,
                    "the hint stands beside nothing that could have been renamed",
                    hint="put it on the line of what has the new name, or alone on the line before",
                )
            continue
        if id(thing) not in said:  # the first one counts
            said.add(id(thing))
            yield _Renamed(_old_path(thing, hint.name), thing.path)


def _hint(file: SourceFile, token: Token) -> _Hint | None:
    body = _body(token)
    for mark in ("@renamed from=", "@rename from="):
        if mark in body:
            return _Hint("sqldef", _first_name(body.partition(mark)[2]))
    if (rest := _after(body, "pista:renamed-from ")) is not None:
        return _Hint("pistachio", _first_name(rest))
    if (rest := _after(body, "confiture:")) is None or not rest.startswith("renam"):
        return None
    name = _first_name(_after(rest, "renamed from ") or "")
    if not name:
        raise error_at(
            SyntaxInvalid, file, token.offset, "this hint is not understood", hint="write: confiture: renamed from name"
        )
    return _Hint("confiture", name)


def _body(token: Token) -> str:
    text = token.text
    return (text[2:-2] if text.startswith("/*") else text[2:]).strip()


def _after(text: str, start: str) -> str | None:
    return text[len(start) :].strip() if text.startswith(start) else None


def _first_name(text: str) -> str:
    """Up to the first blank that no quotes and no parentheses hold."""
    quote, depth = "", 0
    for index, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character.isspace() and not depth:
            return text[:index]
    return text


def _old_path(thing: Thing, name: str) -> tuple[str, ...]:
    if thing.label:
        bare = name[1:-1].replace(name[0] * 2, name[0]) if name[:1] in ("'", '"') and len(name) > 1 else name
        return (*thing.path[:-1], quote_literal(bare).strip())
    given = tuple(_split(name))
    if not thing.whole:
        return (*thing.path[:-1], given[-1])
    return given if len(given) >= len(thing.path) else (*thing.path[: -len(given)], *given)


def _split(name: str) -> Iterator[str]:
    """The parts between the dots of a name; a routine's arguments stay with its own."""
    quoted, start, depth = False, 0, 0
    for index, character in enumerate(name):
        if character == '"':
            quoted = not quoted
        elif character in "()" and not quoted:
            depth += 1 if character == "(" else -1
        elif character == "." and not quoted and not depth:
            yield name[start:index]
            start = index + 1
    yield name[start:]


def _around(script: Script, index: int) -> tuple[tuple[Thing, ...], int, int]:
    """What the statement around a comment declares, and the tokens before and behind the comment; -1 for none.

    Behind a semicolon, on its line, a comment is the statement's that ends there.
    """
    tokens = script.tokens
    before = next((i for i in range(index - 1, -1, -1) if not tokens[i].comment), -1)
    behind = next((i for i in range(index + 1, len(tokens)) if not tokens[i].comment), -1)
    for first, last, things in script.statements:
        ends_here = before == last and not tokens[index].first and tokens[before].text == ";"
        if ends_here or (first <= index <= last and not (before < first and not tokens[index].first)):
            return things, before, behind
    return (), before, behind


def _sqldef(script: Script, index: int) -> Thing | None:
    """What a comment of sqldef's is about: the whole whose name or parenthesis is before it, else the element."""
    things, before, behind = _around(script, index)
    for thing in things:
        if thing.whole and before in (thing.name_end, thing.opens):
            return thing
    return _starting(things, behind) if script.tokens[index].first else _ending(script, things, before)


def _near(script: Script, index: int) -> Thing | None:
    """What begins behind a comment that is alone on its line, else what its line is about."""
    things, before, behind = _around(script, index)
    if script.tokens[index].first:
        if (found := _starting(things, behind)) is not None:
            return found
        whole = next((thing for thing in things if thing.whole), None)
        if whole is None:  # ALTER TABLE ... ADD: said of the statement, meant of what it adds
            first = next((f for f, last, _ in script.statements if f <= index <= last), -1)
            alone = len(things) == 1 and all(token.comment for token in script.tokens[first:index])
            return things[0] if alone else None
        return whole if len(things) == 1 and before >= whole.start else None
    if script.tokens[before].text == ";":
        return next((thing for thing in things if thing.whole), None) or (things[-1] if things else None)
    return _ending(script, things, before) or next((thing for thing in things if thing.whole), None)


def _starting(things: Sequence[Thing], token: int) -> Thing | None:
    return next((thing for thing in things if thing.start == token), None)


def _ending(script: Script, things: Sequence[Thing], token: int) -> Thing | None:
    """The element that the token is in, or the comma behind it."""
    if token > 0 and script.tokens[token].text == ",":
        token = next(i for i in range(token - 1, -1, -1) if not script.tokens[i].comment)
    inside = [thing for thing in things if not thing.whole and thing.start <= token <= thing.end]
    return inside[-1] if inside else None
