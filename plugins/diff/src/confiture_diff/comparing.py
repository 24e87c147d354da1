"""Where a schema is not as it was wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.errors import Refused
from confiture.model import DiffOptions, Schema, SchemaObject
from confiture_diff.model import Change, Difference

if TYPE_CHECKING:
    from confiture.protocols import Context, Differ

__all__ = ["changes", "column_orders", "differences", "only_changes"]

_FIELDS = ("owner", "comment", "grants", "revoked", "parent")


def differences(direction: str, expected: Schema, got: Schema) -> tuple[Difference, ...]:
    """What of ``got`` is not as in ``expected``. An owner that is None is anybody."""
    if expected.digest == got.digest:
        return ()
    found: list[Difference] = []
    wanted = {each.key: each for each in expected.objects}
    there = {each.key: each for each in got.objects}
    for key, each in wanted.items():
        other = there.get(key)
        if other is None:
            found.append(Difference(direction=direction, kind=key.kind, identity=key.identity, expected="there"))
        elif other.content != each.content:
            found += _in_object(direction, each, other)
    for key in there:
        if key not in wanted:
            found.append(Difference(direction=direction, kind=key.kind, identity=key.identity, got="there"))
    return tuple(found)


def changes(old: Schema, new: Schema) -> tuple[Change, ...]:
    """What is created, altered and dropped on the way from ``old`` to ``new``, by the wholes that it belongs to."""
    before = {each.key: each for each in old.objects}
    after = {each.key: each for each in new.objects}
    found: list[Change] = []
    for each, action, others in (
        *((each, "create", before) for each in new.objects if each.key not in before),
        *((each, "drop", after) for each in old.objects if each.key not in after),
    ):
        if each.parent is None or each.parent in others:
            parent = each.parent.identity if each.parent else None
            found.append(Change(action=action, kind=each.kind, identity=each.identity, parent=parent))  # type: ignore[arg-type]
    for key, each in after.items():
        was = before.get(key)
        if was is not None and was.content != each.content:
            properties = tuple((one.property, one.got, one.expected) for one in _in_object("", each, was))
            if properties:
                parent = each.parent.identity if each.parent else None
                found.append(
                    Change(action="alter", kind=each.kind, identity=each.identity, parent=parent, properties=properties)
                )
    return tuple(
        sorted(found, key=lambda change: (change.parent or change.identity, change.parent or "", change.identity))
    )


async def only_changes(
    differ: Differ, ctx: Context, old: Schema, new: Schema, options: DiffOptions
) -> tuple[Change, ...]:
    """What differs, where nobody wants to know how to change it: nothing is asked, and nothing is refused.

    The differ has the last word on what is no difference: what versions print in their own ways.
    """
    found = tuple(change for each in changes(old, new) if (change := _settable(each)))
    if not found:
        return ()
    try:
        plan = await differ.diff(ctx, old, new, options)
    except Refused:
        return found
    return found if plan.statements else ()


def _settable(change: Change) -> Change | None:
    """The change without what no statement mends and no query sees; None where nothing is left of it."""
    if change.action != "alter" or change.kind != "column":
        return change
    properties = tuple(each for each in change.properties if each[0] != "local")
    return msgspec.structs.replace(change, properties=properties) if properties else None


def _in_object(direction: str, expected: SchemaObject, got: SchemaObject) -> list[Difference]:
    pairs: dict[str, tuple[Any, Any]] = {name: (getattr(expected, name), getattr(got, name)) for name in _FIELDS}
    for name in sorted({*expected.properties, *got.properties}):
        pairs[name] = (expected.properties.get(name), got.properties.get(name))
    return [
        Difference(
            direction=direction,
            kind=expected.kind,
            identity=expected.identity,
            property=name,
            expected=_shown(wanted),
            got=_shown(there),
        )
        for name, (wanted, there) in pairs.items()
        if wanted != there and not (name == "owner" and None in (wanted, there))
    ]


def _shown(value: Any) -> str | None:
    return None if value is None else str(value)


def column_orders(expected: Schema, got: Schema) -> tuple[str, ...]:
    """The tables whose columns stand in another order: no difference, yet SELECT * shows it."""
    left, right = _orders(expected), _orders(got)
    return tuple(sorted(table for table, order in left.items() if table in right and right[table] != order))


def _orders(schema: Schema) -> Mapping[str, list[str]]:
    columns: dict[str, list[tuple[int, str]]] = {}
    for each in schema.objects:
        if each.kind == "column" and each.parent is not None:
            columns.setdefault(each.parent.identity, []).append((each.position or 0, each.name))
    return {table: [name for _, name in sorted(found)] for table, found in columns.items()}
