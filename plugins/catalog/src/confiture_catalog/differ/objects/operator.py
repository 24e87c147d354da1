"""Operators, their families and classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import ObjectKey, SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, Way, sql
from confiture_catalog.differ.names import operator_reference
from confiture_catalog.differ.world import World

__all__ = ["OperatorClassHandler", "OperatorFamilyHandler", "OperatorHandler"]

#: What ALTER OPERATOR sets on every server; the links and flags only where they were not set, since 17.
_ESTIMATORS = (("restrict", "RESTRICT"), ("join", "JOIN"))
_FLAGS = (("merges", "MERGES"), ("hashes", "HASHES"))
_LINKS = (("commutator", "COMMUTATOR"), ("negator", "NEGATOR"))
_LINKS_SINCE = 17


class OperatorHandler(Handler):
    """CREATE, ALTER and DROP OPERATOR. A shell is what another one's COMMUTATOR or NEGATOR makes."""

    kinds = ("operator",)
    rank = 28

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE OPERATOR."""
        values = new.properties
        if values.get("shell"):
            return ()
        said = [f"FUNCTION = {values['function']}"]
        said += [f"{word} = {values[name]}" for name, word in _ARGUMENTS if values.get(name)]
        said += [f"{word} = {operator_reference(str(values[name]))}" for name, word in _LINKS if values.get(name)]
        said += [f"{word} = {values[name]}" for name, word in _ESTIMATORS if values.get(name)]
        said += [word for name, word in _FLAGS if values.get(name)]
        return (sql(f"CREATE OPERATOR {_name(new)} (" + ", ".join(said) + ")"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP OPERATOR."""
        return (sql(f"DROP OPERATOR {old.identity}"),)

    def order(self, subject: SchemaObject, world: World) -> int:
        """One that names another goes first: the other way round, the other would get the way back as well."""
        return self.rank if any(subject.properties.get(name) for name, _ in _LINKS) else self.rank + 1

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """ALTER OPERATOR; for a shell, what makes it an operator."""
        before, after = old.properties, new.properties
        if before.get("shell") and not after.get("shell"):
            return list(self.create(new, world))
        settable = {name for name, _ in _ESTIMATORS}
        if world.options.target_version >= _LINKS_SINCE:
            settable |= {name for name, _ in (*_FLAGS, *_LINKS) if not before.get(name)}
        if any(before.get(name) != after.get(name) for name in {*before, *after} - settable):
            return Way.REPLACE
        said = [
            f"{word} = {after.get(name) or 'NONE'}" for name, word in _ESTIMATORS if before.get(name) != after.get(name)
        ]
        said += [
            f"{word} = {operator_reference(str(after[name]))}"
            for name, word in _LINKS
            if before.get(name) != after.get(name)
        ]
        said += [word for name, word in _FLAGS if before.get(name) != after.get(name)]
        return (sql(f"ALTER OPERATOR {new.identity} SET ({', '.join(said)})"),) if said else ()


_ARGUMENTS = (("left", "LEFTARG"), ("right", "RIGHTARG"))


def _name(found: SchemaObject) -> str:
    """The qualified name: an operator's is never quoted."""
    arguments = f" ({found.properties.get('left') or 'NONE'}, {found.properties.get('right') or 'NONE'})"
    return found.identity.removesuffix(arguments)


class OperatorFamilyHandler(Handler):
    """A family is made empty; its classes bring their members, and LATE the rest."""

    kinds = ("operator family",)
    rank = 45

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE OPERATOR FAMILY."""
        return (sql(f"CREATE OPERATOR FAMILY {new.identity}"),)

    def late(self, new: SchemaObject, world: World) -> Iterable[Statement]:
        """The members that no class brings."""
        loose = [each for each in _members(new) if not any(_belongs(each, of) for of in _classes(new, world))]
        return (_change(new, "ADD", loose),) if loose else ()

    def late_needs(self, new: SchemaObject) -> Iterable[ObjectKey]:
        """All but its schema: the members'."""
        return [each for each in new.needs if each.kind not in ("schema", "access method", "extension")]

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP OPERATOR FAMILY, with its classes: nothing else uses them any more."""
        return (sql(f"DROP OPERATOR FAMILY {old.identity} CASCADE"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """ALTER OPERATOR FAMILY, but for what a class cannot do without."""
        before, after = _members(old), _members(new)
        gone, come = [each for each in before if each not in after], [each for each in after if each not in before]
        classes = [*_classes(old, world.reversed()), *_classes(new, world)]
        if any(_belongs(each, of) for each in (*gone, *come) for of in classes):
            return Way.REPLACE
        statements = [_change(new, "DROP", [_slot(each) for each in gone])] if gone else []
        return [*statements, _change(new, "ADD", come)] if come else statements


def _change(family: SchemaObject, verb: str, members: Sequence[str]) -> Statement:
    written = members if verb == "DROP" else [_written(each) for each in members]
    return sql(f"ALTER OPERATOR FAMILY {family.identity} {verb} {', '.join(written)}", undo="")


def _members(family: SchemaObject) -> tuple[str, ...]:
    found = family.properties.get("members") or ()
    return tuple(str(each) for each in found) if isinstance(found, tuple) else ()


def _classes(family: SchemaObject, world: World) -> list[SchemaObject]:
    """The classes of a family of the new side. One at most for a type: the first takes the members."""
    name = family.identity.rpartition(" USING ")[0]
    method = family.properties.get("method")
    found = [
        each
        for each in world.new.dependents(family.key)
        if each.kind == "operator class" and (each.properties["family"], each.properties["method"]) == (name, method)
    ]
    found.sort(key=lambda each: (not each.properties.get("default"), each.identity))
    types: dict[object, SchemaObject] = {}
    for each in found:
        types.setdefault(each.properties["type"], each)
    return list(types.values())


def _belongs(member: str, of: SchemaObject) -> bool:
    """Whether a class of this type has the member: both arguments are of the type."""
    type_ = of.properties["type"]
    if member.startswith("FUNCTION "):
        return member.partition(" (")[2].startswith(f"{type_}, {type_}) ")
    return member.partition(" FOR ORDER BY ")[0].endswith(f"({type_},{type_})")


def _written(member: str) -> str:
    """A member as ADD wants it: the operator's name with its schema."""
    if member.startswith("FUNCTION "):
        return member
    _, strategy, rest = member.split(" ", 2)
    name = operator_reference(rest)[len("OPERATOR(") : -1]
    return f"OPERATOR {strategy} {name}{rest[len(name.removeprefix('pg_catalog.')) :] if '.' in name else rest}"


def _slot(member: str) -> str:
    """A member as DROP wants it: its number and types."""
    word, number, rest = member.split(" ", 2)
    if word == "FUNCTION":
        return f"{word} {number} {rest[: rest.index(') ') + 1]}"
    rest = rest.partition(" FOR ORDER BY ")[0]
    return f"{word} {number} {rest[rest.rindex('(') :]}"


class OperatorClassHandler(Handler):
    """CREATE and DROP OPERATOR CLASS."""

    kinds = ("operator class",)
    rank = 46

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE OPERATOR CLASS with those members of its family that are for its type."""
        values = new.properties
        family = world.new.find("operator family", f"{values['family']} USING {values['method']}")
        said = []
        if family is not None and new in _classes(family, world):
            said = [_written(each) for each in _members(family) if _belongs(each, new)]
        if values.get("storage") or not said:
            said.append(f"STORAGE {values.get('storage') or values['type']}")
        name = new.identity.rpartition(" USING ")[0]
        default = "DEFAULT " if values.get("default") else ""
        return (
            sql(
                f"CREATE OPERATOR CLASS {name} {default}FOR TYPE {values['type']} USING {values['method']}"
                f" FAMILY {values['family']} AS\n    " + ",\n    ".join(said)
            ),
        )

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP OPERATOR CLASS."""
        return (sql(f"DROP OPERATOR CLASS {old.identity}"),)

    def goes_with(self, old: SchemaObject, world: World) -> Iterable[ObjectKey]:
        """Its family."""
        key = ObjectKey("operator family", f"{old.properties['family']} USING {old.properties['method']}")
        return (key,) if key in world.old.objects else ()
