"""Tables, foreign tables and whole schemas: rows go with them, so doubt is asked about, never guessed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import log2

from confiture.model import SchemaObject
from confiture_catalog.renames.assigning import Assigned, Candidate, assign
from confiture_catalog.renames.identity import relative
from confiture_catalog.renames.likeness import ALIKE, likeness, numbered
from confiture_catalog.renames.world import World

__all__ = ["find_schemas", "find_tables"]

#: Of all that two tables consist of, weighed by how rare it is, this much must be the same.
_NEARLY, _PARTLY = 0.7, 0.5
#: Below this many pairs every pair is compared; above, only those that share something rare.
_EVERY_PAIR = 2500
_RARE = 20
#: Schemas that are no one's to rename.
_FIXED = ("public",)


def find_schemas(world: World, taken: Sequence[SchemaObject]) -> Assigned:
    """Schemas whose contents are mostly the same."""
    done = {each.key for each in taken}
    removed = [each for each in world.removed.get("schema", ()) if each.key not in done and each.name not in _FIXED]
    added = [each for each in world.added.get("schema", ()) if each.key not in done and each.name not in _FIXED]
    if not removed or not added:
        return Assigned(sure=[], questions=[])
    before = _contents(world.old.values(), {each.name for each in removed})
    after = _contents(world.new.values(), {each.name for each in added})
    candidates = []
    for old in removed:
        for new in added:
            ours, theirs = before[old.name], after[new.name]
            if not ours or not theirs:
                continue
            same = 2 * len(ours & theirs) / (len(ours) + len(theirs))
            if same >= 0.5:
                counted = numbered(old.name, new.name)
                candidates.append(
                    Candidate(
                        old=old,
                        new=new,
                        score=0.7 * same + 0.3 * likeness(old.name, new.name),
                        evidence=(f"{same:.0%} of the contents are the same",),
                        sure=not counted,
                        asks=any(kind == "table" for kind, _ in ours & theirs),
                    )
                )
    return assign(candidates)


def _contents(objects: Iterable[SchemaObject], schemas: set[str]) -> Mapping[str, set[tuple[str, str]]]:
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for each in objects:
        if each.schema in schemas and each.kind != "default":
            found[each.schema or ""].add((each.kind, relative(each.identity)))
    return found


def find_tables(world: World, taken: Sequence[SchemaObject]) -> Assigned:
    """Tables that consist mostly of the same columns."""
    done = {each.key for each in taken}
    result = Assigned(sure=[], questions=[])
    for kind in ("table", "foreign table"):
        removed = [each for each in world.removed.get(kind, ()) if each.key not in done]
        added = [each for each in world.added.get(kind, ()) if each.key not in done]
        if not removed or not added:
            continue
        found = assign(_candidates(world, removed, added))
        result.sure += found.sure
        result.questions += found.questions
    return result


def _candidates(world: World, removed: list[SchemaObject], added: list[SchemaObject]) -> list[Candidate]:
    ours = {each.identity: _features(world.old_parts.get(each.key, ())) for each in removed}
    theirs = {each.identity: _features(world.new_parts.get(each.key, ())) for each in added}
    # What many tables have, such as "id bigint", says little.
    spread = Counter(
        (each.name, str(each.properties.get("type"))) for each in world.old.values() if each.kind == "column"
    )
    weights = {
        feature: 1 / (1 + log2(max(1, spread[feature])))
        for features in (*ours.values(), *theirs.values())
        for feature in features
    }
    found = []
    for old, new in _pairs(removed, added, ours, theirs):
        candidate = _compare(old, new, ours[old.identity], theirs[new.identity], weights)
        if candidate is not None:
            found.append(candidate)
    return found


def _pairs(
    removed: list[SchemaObject],
    added: list[SchemaObject],
    ours: Mapping[str, set[tuple[str, str]]],
    theirs: Mapping[str, set[tuple[str, str]]],
) -> Iterable[tuple[SchemaObject, SchemaObject]]:
    if len(removed) * len(added) <= _EVERY_PAIR:
        return [(old, new) for old in removed for new in added]
    holders: dict[tuple[str, str], list[SchemaObject]] = defaultdict(list)
    for each in added:
        for feature in theirs[each.identity]:
            holders[feature].append(each)
    names = defaultdict(list)
    for each in added:
        names[each.name].append(each)
    found: dict[tuple[str, str], tuple[SchemaObject, SchemaObject]] = {}
    for old in removed:
        near = [new for feature in ours[old.identity] if len(holders[feature]) <= _RARE for new in holders[feature]]
        for new in (*near, *names[old.name]):
            found[(old.identity, new.identity)] = (old, new)
    return found.values()


def _features(its_parts: Sequence[SchemaObject]) -> set[tuple[str, str]]:
    """A table's own columns with their types. What it inherits says whose child it is, not who."""
    return {
        (each.name, str(each.properties.get("type")))
        for each in its_parts
        if each.kind == "column" and (not each.properties.get("inherited") or each.properties.get("local"))
    }


#: What tables must have alike to be one: rows of one partition are not those of another.
_FRAME = ("partition_key", "partition_of", "partition_bound", "inherits", "of_type", "server")


def _compare(
    old: SchemaObject,
    new: SchemaObject,
    ours: set[tuple[str, str]],
    theirs: set[tuple[str, str]],
    weights: Mapping[tuple[str, str], float],
) -> Candidate | None:
    if any(old.properties.get(name) != new.properties.get(name) for name in _FRAME):
        return None
    alike = likeness(old.name, new.name)
    counted = numbered(old.name, new.name)
    if old.properties.get("partition_of"):  # of one parent and with one bound
        return Candidate(
            old=old, new=new, score=0.9 + alike / 10, evidence=("the same partition but for the name",), sure=True
        )
    if not ours or not theirs:
        if alike < ALIKE or ours or theirs:
            return None
        return Candidate(old=old, new=new, score=0.5 + alike / 2, evidence=("alike names",), sure=False, asks=False)
    names = {name for name, _ in ours} & {name for name, _ in theirs}
    retyped = sum(
        weights[f] / 2 for side, other in ((ours, theirs), (theirs, ours)) for f in side - other if f[0] in names
    )
    shared = 2 * sum(weights[feature] for feature in ours & theirs) + retyped
    same = shared / (sum(weights[f] for f in ours) + sum(weights[f] for f in theirs))
    if same < _PARTLY:
        return None
    evidence = [f"{len(ours & theirs)} of {max(len(ours), len(theirs))} columns are the same"]
    if old.name == new.name:
        evidence.append("the same name")
    elif alike >= ALIKE:
        evidence.append("alike names")
    if old.comment and old.comment == new.comment:
        evidence.append("the same comment")
    telling = len(names) >= 3
    sure = not counted and (
        same > 0.999
        or (same >= _NEARLY and (telling or alike >= ALIKE))
        or (alike >= ALIKE and len(names) >= 2)
        or len(evidence) == 3
    )
    score = 0.7 * same + 0.2 * alike + (0.05 if old.schema == new.schema else 0) + (0.05 if len(evidence) == 3 else 0)
    asks = telling and (same >= _NEARLY or alike >= ALIKE)
    return Candidate(old=old, new=new, score=score, evidence=tuple(evidence), sure=sure, asks=asks)
