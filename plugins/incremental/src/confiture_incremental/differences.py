"""Where one schema is not as another one promises: for ``verify`` and ``drift``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

from confiture.model import Schema, SchemaObject

__all__ = ["ObjectDifference", "between", "from_changes", "lines"]

_FIELDS = ("owner", "comment", "grants", "revoked", "parent")
#: Longer values of properties (bodies of functions) say nothing in a line.
_SHOWN = 60


class ObjectDifference(msgspec.Struct, frozen=True, kw_only=True):
    """An object that is ``missing``, ``extra`` (nobody promised it), or ``differs`` in ``properties``.

    These are (name, as it is, as it should be). ``parent`` is the whole that it is a part of; parts of what is missing
    or extra as a whole are not listed.
    """

    state: Literal["missing", "extra", "differs"]
    kind: str
    identity: str
    parent: str | None = None
    properties: tuple[tuple[str, str | None, str | None], ...] = ()


def from_changes(changes: Iterable[Any]) -> tuple[ObjectDifference, ...]:
    """Those of the report of medium ``diff``, whose old side is how it is, and whose new one how it should be."""
    states: dict[str, Any] = {"create": "missing", "drop": "extra", "alter": "differs"}
    return tuple(
        ObjectDifference(
            state=states[each.action],
            kind=each.kind,
            identity=each.identity,
            parent=each.parent,
            properties=tuple(each.properties),
        )
        for each in changes
    )


def between(there: Schema, promised: Schema) -> tuple[ObjectDifference, ...]:
    """What of ``there`` is not as in ``promised``."""
    if there.digest == promised.digest:
        return ()
    is_, should = ({each.key: each for each in schema.objects} for schema in (there, promised))
    missing, extra = should.keys() - is_.keys(), is_.keys() - should.keys()
    found = [_whole("missing", should[key]) for key in missing if should[key].parent not in missing]
    found += [_whole("extra", is_[key]) for key in extra if is_[key].parent not in extra]
    for key, each in should.items():
        other = is_.get(key)
        if other is not None and other.content != each.content:
            found.append(msgspec.structs.replace(_whole("differs", each), properties=_properties(other, each)))
    return tuple(sorted(found, key=lambda each: (each.parent or each.identity, each.parent or "", each.identity)))


def _whole(state: Any, each: SchemaObject) -> ObjectDifference:
    parent = each.parent.identity if each.parent else None
    return ObjectDifference(state=state, kind=each.kind, identity=each.identity, parent=parent)


def _properties(there: SchemaObject, promised: SchemaObject) -> tuple[tuple[str, str | None, str | None], ...]:
    pairs: dict[str, tuple[Any, Any]] = {name: (getattr(there, name), getattr(promised, name)) for name in _FIELDS}
    for name in sorted({*there.properties, *promised.properties}):
        pairs[name] = (there.properties.get(name), promised.properties.get(name))
    return tuple((name, _text(is_), _text(should)) for name, (is_, should) in pairs.items() if is_ != should)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def lines(differences: Iterable[ObjectDifference], *, there: str, promised: str) -> Iterator[str]:
    """A line for each object, and one for each of its properties that differ.

    ``there`` and ``promised`` name the two sides, such as ``in shop`` and ``in the DDL``.
    """
    for each in differences:
        what = f"{each.kind.removeprefix('unsupported:')} {each.identity}"
        if each.state == "missing":
            yield f"- {what}: {promised}, missing {there}"
        elif each.state == "extra":
            yield f"+ {what}: {there}, not {promised}"
        else:
            yield f"~ {what}"
            for name, is_, should in each.properties:
                yield from _property(name.replace("_", " "), is_, should, there, promised)


def _property(name: str, is_: str | None, should: str | None, there: str, promised: str) -> Iterator[str]:
    short = [_short(value) for value in (is_, should)]
    if None in short:
        yield f"    {name}: another {there} than {promised}"
    else:
        yield f"    {name}: {short[0]} {there}, {short[1]} {promised}"


def _short(value: str | None) -> str | None:
    if value is None:
        return "(none)"
    return value if len(value) <= _SHOWN and "\n" not in value else None
