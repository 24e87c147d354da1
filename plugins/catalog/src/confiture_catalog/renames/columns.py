"""Columns of tables and views, attributes of composite types, and labels of enums.

A column's type and name alone prove nothing: what else speaks for a rename is its place, what it may hold, the keys,
constraints and indexes that it takes part in, and its comment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import msgspec

from confiture.model import ObjectKey, SchemaObject
from confiture_catalog.renames.assigning import Assigned, Candidate, assign
from confiture_catalog.renames.identity import last, positions, words
from confiture_catalog.renames.likeness import ALIKE, likeness
from confiture_catalog.renames.members import definition
from confiture_catalog.renames.types import EXACT, family, kinship
from confiture_catalog.renames.world import ENUM_VALUE, World, enum_values

__all__ = ["find_columns"]

_CERTAIN = 0.55
_STORED = ("table", "foreign table", "composite type")
#: How much the parts a column takes part in speak for it.
_STRONG, _SOME = 0.35, 0.2


def find_columns(world: World, taken: Sequence[SchemaObject]) -> Assigned:
    """Renames of columns, attributes and labels whose wholes have their names on both sides."""
    done = {each.key for each in taken}
    removed: dict[ObjectKey, list[SchemaObject]] = defaultdict(list)
    added: dict[ObjectKey, list[SchemaObject]] = defaultdict(list)
    for objects, found in ((world.removed, removed), (world.added, added)):
        for kind in ("column", "attribute", ENUM_VALUE):
            for each in objects.get(kind, ()):
                if each.key in done or each.properties.get("inherited") or not world.same_parent(each):
                    continue
                assert each.parent is not None
                found[each.parent].append(each)
    result = Assigned(sure=[], questions=[])
    both = [parent for parent in removed if parent in added]
    users = _Users(world, both)
    for parent in both:
        if parent.kind == "enum":
            part = assign(_labels(world, parent, removed[parent], added[parent]))
        elif parent.kind in _STORED:
            if world.new[parent].properties.get("of_type"):  # its columns are the type's
                continue
            part = assign(_columns(world, parent, removed[parent], added[parent], users))
        else:
            part = Assigned(sure=_of_view(world, parent, removed[parent], added[parent]), questions=[])
        result.sure += part.sure
        result.questions += part.questions
    return result


class _Slot(msgspec.Struct, frozen=True):
    """Where something stands: what stays before and behind it, and which it is of those in between."""

    before: str
    behind: str
    rank: int

    def likeness(self, other: _Slot) -> float:
        ends = (self.before == other.before) + (self.behind == other.behind)
        return (0.0, 0.4, 0.8)[ends] + (0.2 if ends == 2 and self.rank == other.rank else 0.0)


def _slots(siblings: Iterable[SchemaObject], staying: set[str]) -> dict[str, _Slot]:
    ordered = sorted(siblings, key=lambda each: each.position or 0)
    found: dict[str, _Slot] = {}
    before, open_ = "", list[str]()
    for each in [*ordered, None]:
        if each is not None and each.name not in staying:
            open_.append(each.name)
            continue
        behind = each.name if each is not None else ""
        found |= {name: _Slot(before, behind, rank) for rank, name in enumerate(open_)}
        before, open_ = behind, []
    return found


def _siblings(objects: Mapping[ObjectKey, list[SchemaObject]], parent: ObjectKey) -> list[SchemaObject]:
    return [each for each in objects.get(parent, ()) if each.kind in ("column", "attribute")]


def _columns(
    world: World, parent: ObjectKey, removed: list[SchemaObject], added: list[SchemaObject], users: _Users
) -> list[Candidate]:
    ours, theirs = _siblings(world.old_parts, parent), _siblings(world.new_parts, parent)
    staying = {each.name for each in ours} & {each.name for each in theirs}
    before, after = _slots(ours, staying), _slots(theirs, staying)
    families = [[family(each.properties.get("type")) for each in side] for side in (removed, added)]
    found = []
    for old, new in product(removed, added):
        its = family(old.properties.get("type"))
        sole = all(side.count(its) == 1 for side in families)
        candidate = _compare(world, old, new, before[old.name].likeness(after[new.name]), sole, users)
        if candidate is not None:
            found.append(candidate)
    return found


def _compare(
    world: World, old: SchemaObject, new: SchemaObject, place: float, sole: bool, users: _Users
) -> Candidate | None:
    kin = kinship(old.properties.get("type"), new.properties.get("type"))
    if not kin or old.properties.get("generated") != new.properties.get("generated"):
        return None
    alike = likeness(old.name, new.name)
    role, why = users.role(old, new)
    same_comment = bool(old.comment) and old.comment == new.comment
    evidence = ["the same type" if kin == EXACT else "a type of the same family"]
    if sole:
        evidence.append("the only one of its type removed and added")
    if alike >= ALIKE:
        evidence.append("alike names")
    if place >= 0.8:
        evidence.append("the same place")
    evidence += why
    if same_comment:
        evidence.append("the same comment")
    score = (
        0.5 * alike
        + 0.15 * place
        + 0.15 * _same_rules(world, old, new)
        + role
        + (0.1 if sole else 0.0)
        + (0.1 if kin == EXACT else -0.05)
        + (0.3 if same_comment else 0.0)
    )
    # Names that say the contrary weigh more than a shared place: a start is not an end.
    proved = role >= _STRONG and (place >= 0.4 or alike >= 0.3)
    placed = role >= _SOME and place >= 0.8 and sole
    reason = alike >= ALIKE or proved or placed or (same_comment and (place >= 0.8 or alike >= 0.3))
    if kin != EXACT:
        reason = alike >= 0.75 or (proved and alike >= 0.3)
    if not reason:
        return None
    sure = score >= _CERTAIN and (kin == EXACT or alike >= 0.75)
    return Candidate(old=old, new=new, score=score, evidence=tuple(evidence), sure=sure, asks=score >= 0.45)


def _same_rules(world: World, old: SchemaObject, new: SchemaObject) -> float:
    """How much of what says what a column may hold is equal, from 0 to 1."""
    equal = sum(old.properties.get(name) == new.properties.get(name) for name in ("not_null", "identity", "collation"))
    defaults = [side.get(("default", each.identity)) for side, each in ((world.old, old), (world.new, new))]
    texts = [str(each.properties.get("expression")) if each else "" for each in defaults]
    if texts[0] == texts[1] or all(text.startswith("nextval(") for text in texts):
        equal += 1
    return equal / 4


class _Users:
    """What takes part in the columns of some tables: their constraints and indexes, and the keys to them."""

    def __init__(self, world: World, parents: Sequence[ObjectKey]) -> None:
        wanted = {parent for parent in parents if parent.kind in ("table", "foreign table")}
        self._old = _users(world.old.values(), wanted)
        self._new = _users(world.new.values(), wanted)

    def role(self, old: SchemaObject, new: SchemaObject) -> tuple[float, list[str]]:
        """How much both being used alike is worth, and how they are."""
        assert old.parent is not None
        ours, theirs = (side.get(old.parent.identity, ()) for side in (self._old, self._new))
        if not ours or not theirs:
            return 0.0, []
        own, its = last(old.identity), last(new.identity)
        mine = [(each, at) for each in ours if (at := _at(each, own))[1]]
        yours = [(each, at) for each in theirs if (at := _at(each, its))[1]]
        best, why = 0.0, ""
        for (each, at), (other, there) in product(mine, yours):
            if each.kind != other.kind or at != there:
                continue
            types = each.properties.get("type"), other.properties.get("type")
            if types[0] != types[1]:
                continue
            same = each.identity == other.identity
            if same or types[0] == "primary key":
                worth, what = _STRONG, f"{_called(each)} has it at the same place"
            elif types[0] == "foreign key" and _end(each) == _end(other):
                worth, what = _SOME, f"both refer to {each.properties.get('references')}"
            else:
                worth, what = 0.05, f"alike {_called(each, name=False)}"
            if worth > best:
                best, why = worth, what
        return best, [why] if why else []


def _end(each: SchemaObject) -> tuple[object, object]:
    return each.properties.get("references"), each.properties.get("referenced_columns")


def _called(each: SchemaObject, *, name: bool = True) -> str:
    what = str(each.properties.get("type") or each.kind)
    return f"{what} {each.name}" if name else what


def _at(each: SchemaObject, column: str) -> tuple[int, tuple[int, ...]]:
    return positions(definition(each), column)


def _users(objects: Iterable[SchemaObject], tables: set[ObjectKey]) -> Mapping[str, list[SchemaObject]]:
    found: dict[str, list[SchemaObject]] = defaultdict(list)
    if not tables:
        return found
    names = {each.identity for each in tables}
    for each in objects:
        if each.kind not in ("constraint", "index") or each.properties.get("type") == "not null":
            continue
        if each.kind == "index" and each.properties.get("constraint"):
            continue
        touched = {each.parent.identity if each.parent else "", str(each.properties.get("references"))}
        for name in touched & names:
            found[name].append(each)
    return found


def _labels(world: World, parent: ObjectKey, removed: list[SchemaObject], added: list[SchemaObject]) -> list[Candidate]:
    before, after = enum_values(world.old[parent]), enum_values(world.new[parent])
    staying = before.keys() & after.keys()
    ours, theirs = _slots(before.values(), staying), _slots(after.values(), staying)
    found = []
    for old, new in product(removed, added):
        alike, place = likeness(old.name, new.name), ours[old.name].likeness(theirs[new.name])
        if alike < ALIKE or (place < 0.8 and alike < 0.75):
            continue
        evidence = ["alike names"] + (["the same place"] if place >= 0.8 else [])
        found.append(
            Candidate(old=old, new=new, score=0.6 * alike + 0.4 * place, evidence=tuple(evidence), sure=place >= 0.8)
        )
    return found


def _of_view(
    world: World, parent: ObjectKey, removed: list[SchemaObject], added: list[SchemaObject]
) -> list[Candidate]:
    """Columns of one place and type, where the view is the same but for them, or their names are alike."""
    at = {each.position: each for each in added}
    pairs = [
        (old, new)
        for old in removed
        if (new := at.get(old.position)) is not None
        and old.properties.get("type") == new.properties.get("type")
        and old.properties.get("collation") == new.properties.get("collation")
    ]
    names = {last(each.identity) for pair in pairs for each in pair} | {"AS"}
    texts = [
        [word for word in words(str(side[parent].properties.get("definition"))) if word not in names]
        for side in (world.old, world.new)
    ]
    # "t.name" with its alias taken off leaves "t.".
    same = texts[0] == texts[1]
    return [
        Candidate(
            old=old,
            new=new,
            score=0.9 if same else 0.7,
            evidence=("the same place and type", "the view is the same" if same else "alike names"),
        )
        for old, new in pairs
        if same or likeness(old.name, new.name) >= ALIKE
    ]
