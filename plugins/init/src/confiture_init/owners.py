"""Whose things are. The files are run by whoever builds: what belongs to the role that read them belongs to him.

So that role stands as ``CURRENT_USER`` in whatever is its own. Elsewhere it keeps its name: a privilege that it was
given by another owner is not the builder's.
"""

from __future__ import annotations

from confiture.model import ObjectKey, Schema, SchemaObject
from confiture.owners import CURRENT_USER, as_current_user

__all__ = ["without_role"]


def without_role(schema: Schema, role: str, *, everywhere: bool = False) -> Schema:
    """``schema`` with ``CURRENT_USER`` for ``role`` in what is its own, or ``everywhere``."""
    if not role:
        return schema
    owners = {each.key: each.owner for each in schema.objects}
    objects = [
        as_current_user(each, role) if everywhere or _owner(each, owners) in (role, None) else each
        for each in schema.objects
    ]
    return Schema.of(objects, schema.server_version, CURRENT_USER)


def _owner(each: SchemaObject, owners: dict[ObjectKey, str | None]) -> str | None:
    """Its own, else that of what it is a part of; None for what nobody owns."""
    return each.owner if each.owner is not None or each.parent is None else owners.get(each.parent)
