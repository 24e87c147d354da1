"""Whose things are. What DDL makes belongs to whoever runs it, unless it says otherwise.

So in a side made from DDL, the scratch server's role stands for nobody in particular: for ``CURRENT_USER`` where both
sides are DDL, and for whoever owns the live database's where the other side is one.
"""

from __future__ import annotations

import msgspec

from confiture.model import Schema, SchemaObject
from confiture.owners import CURRENT_USER, as_current_user

__all__ = ["without_scratch_role"]


def without_scratch_role(schema: Schema, *, other_live: bool) -> Schema:
    """``schema``, read from a scratch database, without its role. ``other_live``: it is compared with a live one."""
    role = schema.role
    if not role:
        return schema
    objects = [_without_owner(each, role) if other_live else as_current_user(each, role) for each in schema.objects]
    return Schema.of(objects, schema.server_version, CURRENT_USER)


def _without_owner(each: SchemaObject, role: str) -> SchemaObject:
    return msgspec.structs.replace(each, owner=None) if each.owner == role else each
