"""Whose things are. The files are run by whoever builds: what belongs to the role that read them belongs to him.

So that role stands as ``CURRENT_USER`` in whatever is its own. Elsewhere it keeps its name: a privilege that it was
given by another owner is not the builder's.
"""

from __future__ import annotations

import msgspec

from confiture.model import Grant, ObjectKey, Schema, SchemaObject, Value

__all__ = ["CURRENT_USER", "without_role", "without_versions"]

CURRENT_USER = "CURRENT_USER"


def without_role(schema: Schema, role: str, *, everywhere: bool = False) -> Schema:
    """``schema`` with ``CURRENT_USER`` for ``role`` in what is its own, or ``everywhere``."""
    if not role:
        return schema
    owners = {each.key: each.owner for each in schema.objects}
    objects = [
        _renamed(each, role) if everywhere or _owner(each, owners) in (role, None) else each for each in schema.objects
    ]
    return Schema.of(objects, schema.server_version, CURRENT_USER)


def without_versions(schema: Schema) -> Schema:
    """``schema`` with its extensions in no version: DDL takes what the server has."""
    objects = [
        msgspec.structs.replace(
            each, properties={name: value for name, value in each.properties.items() if name != "version"}
        )
        if each.kind == "extension"
        else each
        for each in schema.objects
    ]
    return Schema.of(objects, schema.server_version, schema.role)


def _owner(each: SchemaObject, owners: dict[ObjectKey, str | None]) -> str | None:
    """Its own, else that of what it is a part of; None for what nobody owns."""
    return each.owner if each.owner is not None or each.parent is None else owners.get(each.parent)


def _renamed(each: SchemaObject, role: str) -> SchemaObject:
    changes: dict[str, object] = {}
    if each.owner == role:
        changes["owner"] = CURRENT_USER
    for name in ("grants", "revoked"):
        grants: tuple[Grant, ...] = getattr(each, name)
        if any(role in (grant.grantee, grant.grantor) for grant in grants):
            changes[name] = tuple(sorted(_grant(grant, role) for grant in grants))
    changes |= _named_in_it(each, role)
    return msgspec.structs.replace(each, **changes) if changes else each


def _grant(grant: Grant, role: str) -> Grant:
    return msgspec.structs.replace(
        grant,
        grantee=CURRENT_USER if grant.grantee == role else grant.grantee,
        grantor=CURRENT_USER if grant.grantor == role else grant.grantor,
    )


def _named_in_it(each: SchemaObject, role: str) -> dict[str, object]:
    """The identity and properties of what is itself about the role."""
    properties: dict[str, Value] = {}
    identity = each.identity
    if each.kind == "default privileges" and each.properties.get("role") == role:
        properties["role"] = CURRENT_USER
        identity = identity.replace(f"FOR ROLE {role}", f"FOR ROLE {CURRENT_USER}", 1)
    elif each.kind == "user mapping" and identity.startswith(f"{role} SERVER "):
        identity = CURRENT_USER + identity.removeprefix(role)
        if each.properties.get("role") == role:
            properties["role"] = CURRENT_USER
    elif each.kind == "policy":
        roles = each.properties.get("roles")
        if isinstance(roles, tuple) and role in roles:
            properties["roles"] = tuple(CURRENT_USER if name == role else name for name in roles)
    if not properties and identity == each.identity:
        return {}
    return {"identity": identity, "properties": {**each.properties, **properties}}
