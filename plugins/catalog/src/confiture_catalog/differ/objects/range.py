"""Range types, with the multirange that each has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import ObjectKey, SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, Way, sql
from confiture_catalog.differ.names import beside, temporary_name
from confiture_catalog.differ.world import World

__all__ = ["RangeHandler"]

_WORDS = (
    ("subtype", "subtype"),
    ("operator_class", "subtype_opclass"),
    ("collation", "collation"),
    ("canonical", "canonical"),
    ("subtype_diff", "subtype_diff"),
    ("multirange", "multirange_type_name"),
)


class RangeHandler(Handler):
    """CREATE and DROP TYPE ... AS RANGE. Nothing in one can be changed: columns are moved over to a new one.

    A function that makes its values canonical takes and gives the type itself: so that type begins as a shell, is
    completed when the function is there, and goes together with it.
    """

    kinds = ("range type",)
    rank = 12

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE TYPE, whole or as a shell."""
        return (sql(f"CREATE TYPE {new.identity}" if self.completes_late(new) else _create(new)),)

    def completes_late(self, new: SchemaObject) -> bool:
        """Where it has a canonical function."""
        return bool(new.properties.get("canonical"))

    def late(self, new: SchemaObject, world: World) -> Iterable[Statement]:
        """What the shell lacks."""
        return (sql(_create(new), undo=""),) if self.completes_late(new) else ()

    def late_needs(self, new: SchemaObject) -> Iterable[ObjectKey]:
        """The functions."""
        return [need for need in new.needs if need.kind == "function"] if self.completes_late(new) else ()

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP TYPE, with its functions."""
        return (sql(f"DROP TYPE {old.identity}{' CASCADE' if self.completes_late(old) else ''}"),)

    def takes(self, old: SchemaObject, world: World) -> Iterable[ObjectKey]:
        """Its functions that cannot be without it."""
        return _own_functions(old, world) if self.completes_late(old) else ()

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """A new one; beside the old one where no function holds that."""
        return Way.REPLACE if old.properties.get("canonical") else Way.SWAP

    def on_swap(self, old: SchemaObject, swapped: SchemaObject, world: World) -> Way | None:
        """Its subtype is another one then."""
        return Way.REPLACE if old.properties.get("canonical") else Way.SWAP

    def move_away(self, old: SchemaObject, name: str, world: World) -> Iterable[Statement]:
        """ALTER TYPE ... RENAME of both types, and of the functions that make their values."""
        values = old.properties
        subtype, multirange = values["subtype"], str(values["multirange"])
        other = temporary_name(old, "confiture_multi_")
        yield sql(f"ALTER TYPE {old.identity} RENAME TO {name}")
        yield sql(f"ALTER TYPE {multirange} RENAME TO {other}")
        moved = beside(old, temporary_name(old))
        for arguments in (f"{subtype}, {subtype}", f"{subtype}, {subtype}, text"):
            yield sql(f"ALTER FUNCTION {old.identity}({arguments}) RENAME TO {name}")
        for arguments in ("", moved, f"VARIADIC {moved}[]"):
            yield sql(f"ALTER FUNCTION {multirange}({arguments}) RENAME TO {other}")


def _create(new: SchemaObject) -> str:
    words = [f"{word} = {new.properties[name]}" for name, word in _WORDS if new.properties.get(name)]
    return f"CREATE TYPE {new.identity} AS RANGE ({', '.join(words)})"


def _own_functions(old: SchemaObject, world: World) -> list[ObjectKey]:
    found = (world.old.get(need) for need in old.needs if need.kind == "function")
    return [each.key for each in found if each is not None and old.key in each.needs]
