"""Wholes that nothing but their name tells apart: views, types, routines, sequences and what else has no rows.

Nothing is lost by taking a drop and a create for a rename, or the other way round, so nothing is asked here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence

from confiture.model import SchemaObject
from confiture_catalog.renames.assigning import Candidate, assign
from confiture_catalog.renames.identity import parts, words
from confiture_catalog.renames.likeness import ALIKE, likeness
from confiture_catalog.renames.world import World

__all__ = ["KINDS", "find_wholes"]

KINDS = (
    "enum",
    "domain",
    "composite type",
    "range type",
    "collation",
    "sequence",
    "view",
    "materialized view",
    "function",
    "procedure",
    "aggregate",
    "event trigger",
    "publication",
    "foreign data wrapper",
    "server",
    "text search configuration",
    "text search dictionary",
    "text search parser",
    "text search template",
)
_ROUTINES = ("function", "procedure", "aggregate")
#: What these have equal is what all of them have: something else must speak for a rename as well.
_PLAIN = ("sequence", "publication", "server", "foreign data wrapper")
#: More pairs than these of one content are no renames, but a schema made by a machine.
_CROWD = 64


def find_wholes(world: World, taken: Sequence[SchemaObject]) -> list[Candidate]:
    """Renames of all kinds above; ``taken`` are objects that somebody has decided about."""
    done = {(each.kind, each.identity) for each in taken}
    found: list[Candidate] = []
    for kind in KINDS:
        removed = [each for each in world.removed.get(kind, ()) if each.key not in done]
        added = [each for each in world.added.get(kind, ()) if each.key not in done]
        if kind == "sequence":  # a column's goes with its column
            removed, added = _unowned(removed), _unowned(added)
        if removed and added:
            found += _of_kind(world, kind, removed, added)
    return found


def _unowned(objects: Iterable[SchemaObject]) -> list[SchemaObject]:
    return [each for each in objects if not each.properties.get("owned_by")]


def _of_kind(world: World, kind: str, removed: list[SchemaObject], added: list[SchemaObject]) -> list[Candidate]:
    by_content: dict[Hashable, tuple[list[SchemaObject], list[SchemaObject]]] = defaultdict(lambda: ([], []))
    for each in removed:
        by_content[_content(each, world.old_parts.get(each.key, ()))][0].append(each)
    for each in added:
        by_content[_content(each, world.new_parts.get(each.key, ()))][1].append(each)
    found: list[Candidate] = []
    for olds, news in by_content.values():
        if olds and news and len(olds) * len(news) <= _CROWD:
            pairs = [_pair(world, old, new) for old in olds for new in news if _has_reason(world, old, new)]
            found += assign(pairs, guess=kind not in ("enum", "domain", "sequence")).sure
    if kind == "enum":
        used = {each.old.identity for each in found} | {each.new.identity for each in found}
        rest = [
            _pair(world, old, new, 0.4)
            for old in removed
            for new in added
            if not used & {old.identity, new.identity} and _grown(world, old, new)
        ]
        found += assign(rest).sure
    return found


def _pair(world: World, old: SchemaObject, new: SchemaObject, base: float = 0.6) -> Candidate:
    alike = likeness(old.name, new.name)
    users = _same_users(world, old, new)
    evidence = ["the same but for the name" if base >= 0.6 else "one has all labels of the other"]
    if users:
        evidence.append("used by the same columns")
    if alike >= ALIKE:
        evidence.append("alike names")
    score = base + 0.2 * alike + (0.15 if users else 0.0) + (0.05 if old.schema == new.schema else 0.0)
    return Candidate(old=old, new=new, score=score, evidence=tuple(evidence), asks=False)


def _has_reason(world: World, old: SchemaObject, new: SchemaObject) -> bool:
    if old.kind not in _PLAIN:
        return True
    return likeness(old.name, new.name) >= ALIKE or _same_users(world, old, new)


def _grown(world: World, old: SchemaObject, new: SchemaObject) -> bool:
    """Whether an enum may be another with labels more or less: alike names, or the same columns."""
    before, after = (set(each.properties.get("labels") or ()) for each in (old, new))  # type: ignore[arg-type]
    shared = before & after
    if len(shared) < 2 or shared not in (before, after):
        return False
    return likeness(old.name, new.name) >= 0.4 or _same_users(world, old, new)


def _same_users(world: World, old: SchemaObject, new: SchemaObject) -> bool:
    """Whether the same columns or defaults need the one before and the other after."""
    if old.kind not in ("enum", "domain", "composite type", "range type", "sequence"):
        return False
    before = {key for key, each in world.old.items() if key[0] in ("column", "default") and old.key in each.needs}
    return bool(before) and any(new.key in other.needs for key in before if (other := world.new.get(key)) is not None)


def _content(each: SchemaObject, its_parts: Sequence[SchemaObject]) -> Hashable:
    """What two objects have equal that differ by name and schema only."""
    properties = dict(each.properties)
    properties.pop("security_labels", None)
    if each.kind in _ROUTINES:
        return _routine(each, properties)
    if each.kind in ("view", "materialized view"):
        columns = tuple(sorted((part.position or 0, part.name) for part in its_parts if part.kind == "column"))
        return properties.get("definition"), columns
    if each.kind == "range type":
        properties.pop("multirange", None)
    inner = sorted(
        (part.kind, part.position or 0, part.name, sorted(_items(part.properties)))
        for part in its_parts
        if part.kind in ("attribute", "domain constraint")
    )
    return repr((sorted(_items(properties)), inner))


def _routine(each: SchemaObject, properties: Mapping[str, object]) -> Hashable:
    """A routine's definition, its own name in it (a recursive one calls itself) replaced."""
    names, arguments = parts(each.identity)
    own = {names[-1], each.name}
    definition = properties.get("definition")
    if not isinstance(definition, str):
        return arguments, repr(sorted(_items(properties)))
    head = ".".join(names) + "("
    text = definition.replace(head, "(", 1)
    return arguments, tuple("" if word in own else word for word in words(text))


def _items(properties: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(name, repr(value)) for name, value in properties.items()]
