"""What differs between the schema that was read and the one that a build gave."""

from __future__ import annotations

import msgspec

from confiture.model import ObjectKey, Schema, SchemaObject

__all__ = ["Comparison", "column_orders", "compare"]

#: What the server prints, and each version in its own way.
_PRINTED = frozenset(
    {"definition", "expression", "generation", "using", "check", "source", "default", "partition_bound"}
)


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """``different``: lines for people. ``printed``: objects of which only printed text differs, between versions."""

    different: tuple[str, ...] = ()
    printed: tuple[str, ...] = ()


def compare(expected: Schema, found: Schema, *, same_version: bool) -> Comparison:
    """Compare object by object. ``same_version``: both were read from PostgreSQL of one major version."""
    wanted = {each.key: each for each in expected.objects}
    there = {each.key: each for each in found.objects}
    different: list[str] = []
    printed: list[str] = []
    for key in sorted({*wanted, *there}):
        one, other = wanted.get(key), there.get(key)
        if one is not None and other is not None and one.content == other.content:
            continue
        if not same_version and _is_version_only(key, one, other):
            if one is not None and other is not None and not _is_not_null(one):
                printed.append(f"{key.kind} {key.identity}")
            continue
        different.append(_line(key, one, other))
    return Comparison(different=tuple(different), printed=tuple(printed))


def column_orders(schema: Schema) -> dict[str, list[str]]:
    """The names of each relation's columns, in their order."""
    found: dict[str, list[tuple[int, str]]] = {}
    for each in schema.objects:
        if each.kind == "column" and each.parent is not None:
            found.setdefault(each.parent.identity, []).append((each.position or 0, each.name))
    return {table: [name for _, name in sorted(columns)] for table, columns in found.items()}


def _is_version_only(key: ObjectKey, one: SchemaObject | None, other: SchemaObject | None) -> bool:
    """Whether two versions of PostgreSQL may say that of one and the same thing."""
    if one is None or other is None:
        # Since 18, NOT NULL is a constraint with a name.
        only = one or other
        return only is not None and _is_not_null(only) and only.comment is None
    names = {
        name for name in (*one.properties, *other.properties) if one.properties.get(name) != other.properties.get(name)
    }
    rest = [msgspec.structs.replace(each, properties={}).content for each in (one, other)]
    return rest[0] == rest[1] and names <= _PRINTED


def _is_not_null(each: SchemaObject) -> bool:
    return each.kind in ("constraint", "domain constraint") and each.properties.get("type") == "not null"


def _line(key: ObjectKey, one: SchemaObject | None, other: SchemaObject | None) -> str:
    name = f"{key.kind} {key.identity}"
    if one is None:
        return f"{name}: the build has it, the database has not"
    if other is None:
        return f"{name}: the database has it, the build has not"
    for what in ("owner", "comment", "grants", "revoked", "parent"):
        if getattr(one, what) != getattr(other, what):
            return f"{name}: {what} is {_shown(getattr(one, what))}, the build's {_shown(getattr(other, what))}"
    names = sorted({*one.properties, *other.properties})
    what = next(each for each in names if one.properties.get(each) != other.properties.get(each))
    return f"{name}: {what} is {_shown(one.properties.get(what))}, the build's {_shown(other.properties.get(what))}"


def _shown(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 200 else f"{text[:199]}…"
