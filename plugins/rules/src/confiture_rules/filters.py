"""Filters of a template's placeholders: ``{name|lower|first(3)}``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from confiture.masking import Scope
from confiture.quoting import quote_literal
from confiture_rules.drawing import Drawn
from confiture_rules.grammar import Filter, TemplateError, plain
from confiture_rules.pieces import (
    alphanumerics,
    alphanumerics_sql,
    covered,
    covered_sql,
    ends,
    ends_sql,
    hex_sql,
    lower,
    only_digits,
    title,
    upper,
)

__all__ = ["DESTROYING", "FILTERS", "apply_filter", "filtered"]

#: What is left of a value after one of these may leave the source.
DESTROYING = frozenset({"hash", "mask", "first", "last"})


@dataclass(frozen=True, slots=True)
class _Kind:
    """``types`` are those of the arguments, the last ``optional`` of which may be missing.

    ``length`` is the longest text that comes out, from what goes in and the arguments.
    """

    types: tuple[type, ...]
    sql: Callable[..., str]
    optional: int = 0
    length: Callable[..., int | None] = lambda longest, *_: longest
    twin: Callable[..., str | None] = lambda drawn, text: text


def _default(scope: Scope, text: str, value: str) -> str:
    return f"coalesce({text}, {quote_literal(value)})"


def _strict(sql: Callable[..., str]) -> Callable[..., str]:
    """NULL stays NULL, so that ``default`` can come after it."""
    return lambda scope, text, *args: f"CASE WHEN {text} IS NOT NULL THEN {sql(scope, text, *args)} END"


FILTERS: dict[str, _Kind] = {
    "lower": _Kind((), lambda scope, text: f"lower({text})", twin=lambda drawn, text: lower(text)),
    "upper": _Kind((), lambda scope, text: f"upper({text})", twin=lambda drawn, text: upper(text)),
    "title": _Kind((), lambda scope, text: f"initcap({text})", twin=lambda drawn, text: title(text)),
    "trim": _Kind((), lambda scope, text: f"btrim({text})", twin=lambda drawn, text: text.strip(" ")),
    "alnum": _Kind((), lambda scope, text: alphanumerics_sql(text), twin=lambda drawn, text: alphanumerics(text)),
    "digits": _Kind(
        (),
        lambda scope, text: f"regexp_replace({text}, '[^0-9]', '', 'g')",
        twin=lambda drawn, text: only_digits(text),
    ),
    "slug": _Kind(
        (),
        lambda scope, text: f"btrim(regexp_replace(lower({text}), '[^0-9a-z]+', '-', 'g'), '-')",
        twin=lambda drawn, text: re.sub("[^0-9a-z]+", "-", lower(text)).strip("-"),
    ),
    "default": _Kind(
        (str,), _default, length=lambda longest, value: None if longest is None else max(longest, len(value))
    ),
    "first": _Kind(
        (int,),
        _strict(lambda scope, text, count: ends_sql(text, count, last=False)),
        length=lambda _, n: n,
        twin=lambda drawn, text, count: ends(text, count, last=False),
    ),
    "last": _Kind(
        (int,),
        _strict(lambda scope, text, count: ends_sql(text, count, last=True)),
        length=lambda _, n: n,
        twin=lambda drawn, text, count: ends(text, count, last=True),
    ),
    "replace": _Kind(
        (str, str),
        lambda scope, text, old, new: f"replace({text}, {quote_literal(old)}, {quote_literal(new)})",
        length=lambda longest, old, new: longest if len(new) <= len(old) else None,
        twin=lambda drawn, text, old, new: text.replace(old, new) if old else text,
    ),
    "hash": _Kind(
        (int,),
        _strict(lambda scope, text, length=20: hex_sql(scope.keyed(text), length)),
        optional=1,
        length=lambda _, length=20: length,
        twin=lambda drawn, text, length=20: drawn.keyed(text).hex()[:length],
    ),
    "mask": _Kind(
        (str, int, int),
        lambda scope, text, character="*", first=0, last=0: covered_sql(text, character, first, last),
        optional=3,
        twin=lambda drawn, text, character="*", first=0, last=0: covered(text, character, first, last),
    ),
}


def filtered(drawn: Drawn, given: Filter, text: str | None) -> str | None:
    """In Python what the filter does, save ``default(column)``; ``drawn`` is for ``hash``."""
    if given.name == "default":
        return str(plain(given.args)[0]) if text is None else text
    return None if text is None else FILTERS[given.name].twin(drawn, text, *given.args)


def apply_filter(scope: Scope, given: Filter, text: str, longest: int | None) -> tuple[str, int | None]:
    """SQL of the text after the filter, and its longest length. Raises ``TemplateError``."""
    kind = FILTERS.get(given.name)
    if kind is None:
        raise TemplateError(f"there is no filter {given.name!r}", given.position, near(given.name, FILTERS))
    args = plain(given.args)
    least = len(kind.types) - kind.optional
    fitting = least <= len(args) <= len(kind.types)
    if not fitting or not all(isinstance(arg, type_) for arg, type_ in zip(args, kind.types, strict=False)):
        wanted = ", ".join({int: "a number", str: "'a text'"}[type_] for type_ in kind.types) or "nothing"
        raise TemplateError(f"the filter {given.name!r} takes {wanted}", given.position)
    if any(isinstance(arg, int) and not 0 <= arg <= 1000 for arg in args):
        raise TemplateError("a number from 0 to 1000 is expected", given.position)
    if given.name == "hash" and args and not 1 <= int(args[0]) <= 64:
        raise TemplateError("a hash has 1 to 64 digits", given.position)
    return f"({kind.sql(scope, text, *args)})", kind.length(longest, *args)


def near(name: str, names: Sequence[str] | dict[str, _Kind]) -> str:
    """A hint: the nearest name, and all of them."""
    from confiture.registry import closest

    found = closest(name, names)
    return (f"did you mean {found!r}? " if found else "") + f"there are: {', '.join(sorted(names))}"
