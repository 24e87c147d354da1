"""Base types, which are made of C functions, and shells: types that are declared only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import ObjectKey, SchemaObject, Statement
from confiture.quoting import quote_literal
from confiture_catalog.differ.handler import Alteration, Handler, Way, sql
from confiture_catalog.differ.world import World

__all__ = ["BaseTypeHandler", "ShellTypeHandler"]

_FUNCTIONS = {
    "input": "input",
    "output": "output",
    "receive": "receive",
    "send": "send",
    "modin": "typmod_in",
    "modout": "typmod_out",
    "analyze": "analyze",
    "subscript": "subscript",
}
_ALIGNMENTS = {"c": "char", "s": "int2", "i": "int4", "d": "double"}
#: What ALTER TYPE ... SET changes (since PostgreSQL 13).
_ALTERABLE = frozenset({"receive", "send", "modin", "modout", "analyze", "subscript", "storage"})


class BaseTypeHandler(Handler):
    """CREATE TYPE as a shell, which its functions need, and then whole. It goes together with its functions."""

    kinds = ("base type",)
    rank = 10

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """The shell."""
        return (sql(f"CREATE TYPE {new.identity}"),)

    def completes_late(self, new: SchemaObject) -> bool:
        """Always."""
        return True

    def late(self, new: SchemaObject, world: World) -> Iterable[Statement]:
        """The type."""
        return (sql(f"CREATE TYPE {new.identity} ({', '.join(_words(new))})", undo=""),)

    def late_needs(self, new: SchemaObject) -> Iterable[ObjectKey]:
        """Its functions."""
        return [need for need in new.needs if need.kind == "function"]

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP TYPE. CASCADE, for the functions that need it as it needs them; nothing else is left by now."""
        return (sql(f"DROP TYPE {old.identity} CASCADE"),)

    def takes(self, old: SchemaObject, world: World) -> Iterable[ObjectKey]:
        """Its functions that cannot be without it."""
        found = (world.old.get(need) for need in old.needs if need.kind == "function")
        return [each.key for each in found if each is not None and old.key in each.needs]

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """ALTER TYPE ... SET, for what that changes."""
        was, becomes = old.properties, new.properties
        changed = sorted(name for name in {*was, *becomes} if was.get(name) != becomes.get(name))
        plain = "storage" in changed and not (was.get("storage") and becomes.get("storage"))
        if plain or not _ALTERABLE.issuperset(changed):
            return Way.REPLACE
        words = [f"{_FUNCTIONS.get(name, name)} = {becomes.get(name) or 'NONE'}" for name in changed]
        return [sql(f"ALTER TYPE {new.identity} SET ({', '.join(words)})")]


class ShellTypeHandler(Handler):
    """CREATE TYPE with a name only."""

    kinds = ("shell type",)
    rank = 10

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE TYPE."""
        return (sql(f"CREATE TYPE {new.identity}"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP TYPE."""
        return (sql(f"DROP TYPE {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """It has no properties."""
        return ()


def _words(new: SchemaObject) -> Iterable[str]:
    values = new.properties
    for name, word in _FUNCTIONS.items():
        if values.get(name):
            yield f"{word} = {values[name]}"
    yield f"internallength = {'variable' if values['length'] == -1 else values['length']}"
    if values.get("by_value"):
        yield "passedbyvalue"
    yield f"alignment = {_ALIGNMENTS[str(values['alignment'])]}"
    yield f"storage = {values.get('storage') or 'plain'}"
    if values.get("category", "U") != "U":
        yield f"category = {quote_literal(str(values['category']))}"
    if values.get("preferred"):
        yield "preferred = true"
    if values.get("default") is not None:
        yield f"default = {quote_literal(str(values['default']))}"
    if values.get("element"):
        yield f"element = {values['element']}"
    if values.get("delimiter", ",") != ",":
        yield f"delimiter = {quote_literal(str(values['delimiter']))}"
    if values.get("collatable"):
        yield "collatable = true"
