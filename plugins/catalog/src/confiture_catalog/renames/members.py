"""Parts that are a definition and a name: constraints, indexes, triggers, policies, rules, statistics, sequences.

Two of one table with one definition are one; making it anew would only cost time and locks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

from confiture.model import SchemaObject
from confiture_catalog.renames.assigning import Candidate, assign
from confiture_catalog.renames.identity import parts
from confiture_catalog.renames.likeness import likeness
from confiture_catalog.renames.world import World

__all__ = ["KINDS", "definition", "find_members", "follows"]

KINDS = ("constraint", "index", "trigger", "policy", "rule", "statistics", "domain constraint", "sequence")
#: What says nothing of what a part does: names that follow it, and what is changed afterwards.
_BESIDE = ("index", "constraint", "not_valid", "local", "clustered", "replica_identity", "enabled", "security_labels")


def find_members(world: World, taken: Sequence[SchemaObject]) -> list[Candidate]:
    """Renames of all kinds above, of wholes that have their names on both sides."""
    done = {each.key for each in taken}
    groups: dict[Hashable, tuple[list[SchemaObject], list[SchemaObject]]] = defaultdict(lambda: ([], []))
    for side, objects in ((0, world.removed), (1, world.added)):
        for kind in KINDS:
            for each in objects.get(kind, ()):
                if each.key in done or follows(each):
                    continue
                if each.properties.get("owned_by") if kind == "sequence" else world.same_parent(each):
                    groups[_content(each)][side].append(each)
    found: list[Candidate] = []
    for olds, news in groups.values():
        if olds and news:
            pairs = [
                Candidate(
                    old=old,
                    new=new,
                    score=0.8 + 0.2 * likeness(old.name, new.name),
                    evidence=("the same but for the name",),
                )
                for old in olds
                for new in news
            ]
            found += assign(pairs, guess=True).sure
    return found


def follows(each: SchemaObject) -> bool:
    """Whether it cannot be renamed by itself: it is its parent's, or a constraint's index."""
    if each.kind == "index":
        return bool(each.properties.get("constraint"))
    return bool(each.properties.get("inherited"))


def _content(each: SchemaObject) -> Hashable:
    if each.kind == "sequence":
        return each.kind, each.properties.get("owned_by"), bool(each.properties.get("identity"))
    properties = {name: repr(value) for name, value in each.properties.items() if name not in _BESIDE}
    if "definition" in properties:
        properties["definition"] = definition(each)
    return each.kind, each.parent, tuple(sorted(properties.items()))


def definition(each: SchemaObject) -> str:
    """The definition as PostgreSQL prints it, without the object's own name."""
    text = each.properties.get("definition")
    if not isinstance(text, str):
        return ""
    names, _ = parts(each.identity)
    own = ".".join(names) if each.kind == "statistics" else names[-1]
    if each.kind not in ("constraint", "domain constraint"):
        text = text.replace(f" {own} ", " ", 1)
    return text.removesuffix(" NOT VALID")
