"""Schemas without whoever happened to make them: what DDL makes belongs to whoever runs it."""

from __future__ import annotations

import msgspec

from confiture.model import Grant, Schema, SchemaObject, Value

__all__ = ["CURRENT_USER", "as_current_user", "without_extension_versions"]

#: What a plan writes for the role that will run it.
CURRENT_USER = "CURRENT_USER"


def as_current_user(each: SchemaObject, role: str) -> SchemaObject:
    """The object with ``CURRENT_USER`` wherever ``role`` (SQL text) stands: as owner, in privileges, in itself."""
    changes: dict[str, object] = {}
    if each.owner == role:
        changes["owner"] = CURRENT_USER
    for name in ("grants", "revoked"):
        grants: tuple[Grant, ...] = getattr(each, name)
        if any(role in (grant.grantee, grant.grantor) for grant in grants):
            changes[name] = tuple(sorted(_grant(grant, role) for grant in grants))
    changes |= _named_in_it(each, role)
    return msgspec.structs.replace(each, **changes) if changes else each


def without_extension_versions(schema: Schema) -> Schema:
    """``schema`` with its extensions in no version: which one DDL makes is the server's, and says nothing."""
    objects = [
        msgspec.structs.replace(
            each, properties={name: value for name, value in each.properties.items() if name != "version"}
        )
        if each.kind == "extension"
        else each
        for each in schema.objects
    ]
    return Schema.of(objects, schema.server_version, schema.role)


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
