"""What objects of every kind have: an owner, a comment, privileges and security labels.

Statements that follow an object's creation, and those between two states of one.
"""

from __future__ import annotations

from collections.abc import Iterable

from confiture.model import SchemaObject, Statement
from confiture_catalog.differ.world import World

__all__ = ["after_create", "between", "differ"]


def differ(old: SchemaObject, new: SchemaObject) -> bool:
    """Whether they differ in an attribute. An owner that a side does not name is no difference."""
    owners = old.owner != new.owner and old.owner is not None and new.owner is not None
    labels = old.properties.get("security_labels") != new.properties.get("security_labels")
    return owners or labels or (old.comment, old.grants, old.revoked) != (new.comment, new.grants, new.revoked)


def after_create(new: SchemaObject, world: World) -> Iterable[Statement]:
    """What a new object has beyond what PostgreSQL gives it."""
    return ()


def between(old: SchemaObject, new: SchemaObject, world: World) -> Iterable[Statement]:
    """From one state to the other."""
    return ()
