"""What objects of every kind have: an owner, a comment, privileges and security labels.

Statements that follow an object's creation, and those between two states of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from confiture.errors import Refused
from confiture.model import Grant, SchemaObject, Statement
from confiture.quoting import quote_ident, quote_literal
from confiture_catalog.differ.addresses import address
from confiture_catalog.differ.handler import sql
from confiture_catalog.differ.privileges import Held, grant_changes, held, held_at_birth
from confiture_catalog.differ.world import Side, World

__all__ = ["after_create", "between", "differ"]

_NONE = Held(frozenset(), frozenset())
_ANYBODY = "CURRENT_USER"
#: These are nothing but privileges: they have none at birth, and nobody owns them.
_PRIVILEGES_ONLY = frozenset({"privileges", "default privileges"})
_WITH_COLUMNS = frozenset({"table", "foreign table", "view", "materialized view"})


def differ(old: SchemaObject, new: SchemaObject, world: World) -> bool:
    """Whether they differ in an attribute. An owner that a side does not name is no difference."""
    if (old.comment, old.owner, old.grants, old.revoked, old.properties) == (
        new.comment, new.owner, new.grants, new.revoked, new.properties,
    ):  # fmt: skip
        return False
    return (
        old.comment != new.comment
        or _owner_differs(old, new)
        or any(old.properties.get(name) != new.properties.get(name) for name in _PROPERTIES)
        or _held(old, new, world)[0] != _held(old, new, world)[1]
    )


def after_create(new: SchemaObject, world: World) -> Iterable[Statement]:
    """What a new object has beyond what PostgreSQL gives it."""
    if new.kind in _PRIVILEGES_ONLY:
        return grant_changes(new, _NONE, held(new, world))
    bare = msgspec.structs.replace(new, comment=None, properties={}, owner=_creator(new, world))
    statements = []
    if _owner_differs(bare, new):
        statements.append(_set_owner(new, str(new.owner), _ANYBODY))
    statements += _said(bare, new)
    new = _owned(new, world.new)
    return [*statements, *grant_changes(new, held_at_birth(new, world), held(new, world))]


def between(old: SchemaObject, new: SchemaObject, world: World) -> Iterable[Statement]:
    """From one state to the other. Raises ``Refused`` where no statement does that."""
    statements = []
    if _owner_differs(old, new):
        statements.append(_set_owner(new, str(new.owner), str(old.owner)))
    statements += _said(old, new)
    before, after = _held(old, new, world)
    owner = _owned(new, world.new).owner or _owned(old, world.old).owner
    return [
        *statements,
        *grant_changes(new, before, after, owner),
        *_grant_columns_again(new, before, after, world),
    ]


def _held(old: SchemaObject, new: SchemaObject, world: World) -> tuple[Held, Held]:
    wanted = _owned(new, world.new)
    return held(_owned(old, world.old), world, wanted.owner), held(wanted, world)


def _owned(found: SchemaObject, side: Side) -> SchemaObject:
    """A column belongs to its table's owner: his privileges on it go over to the next owner with the table."""
    whole = side.get(found.parent) if found.kind == "column" else None
    return found if whole is None else msgspec.structs.replace(found, owner=whole.owner)


def _creator(new: SchemaObject, world: World) -> str | None:
    """Whom a new object belongs to at first; the owner himself, where both sides were read by him."""
    if new.owner is not None and new.owner == world.old.schema.role == world.new.schema.role:
        return new.owner
    return _ANYBODY


def _owner_differs(old: SchemaObject, new: SchemaObject) -> bool:
    if None in (old.owner, new.owner) or old.owner == new.owner:
        return False
    # The sequence of an identity or serial column follows its table; it must not be told.
    return not (
        new.kind == "sequence"
        and (new.properties.get("identity") or (old.properties.get("owned_by") and new.properties.get("owned_by")))
    )


def _set_owner(found: SchemaObject, owner: str, before: str) -> Statement:
    if found.kind == "extension":
        raise Refused(
            f"the extension {found.identity!r} belongs to {before} and should belong to {owner}",
            hint="PostgreSQL cannot give an extension to another role: make it anew as that role, or --exclude it",
        )
    alter = f"ALTER {address(found)} OWNER TO"
    return sql(f"{alter} {owner}", undo=f"{alter} {before}")


def _said(old: SchemaObject, new: SchemaObject) -> Iterator[Statement]:
    """Labels, dependencies on extensions, and the comment."""
    for name, write in _PROPERTIES.items():
        before, after = _entries(old, name), _entries(new, name)
        for entry in sorted({*before, *after}):
            if before.get(entry) != after.get(entry):
                yield sql(write(new, entry, after.get(entry)), undo=write(new, entry, before.get(entry)))
    if old.comment != new.comment:
        yield sql(_comment(new, new.comment), undo=_comment(new, old.comment))


def _comment(found: SchemaObject, comment: str | None) -> str:
    if comment is None and (usual := found.state.get("comment")):
        comment = str(usual)
    return f"COMMENT ON {address(found)} IS {_text(comment)}"


def _text(value: str | None) -> str:
    return "NULL" if value is None else quote_literal(value).lstrip()


def _entries(found: SchemaObject, name: str) -> Mapping[str, str]:
    """``provider: label`` by provider, and extensions by themselves."""
    values = found.properties.get(name) or ()
    assert isinstance(values, tuple)
    return {str(each).partition(": ")[0]: str(each).partition(": ")[2] for each in values}


def _label(found: SchemaObject, provider: str, label: str | None) -> str:
    return f"SECURITY LABEL FOR {quote_ident(provider)} ON {address(found)} IS {_text(label)}"


def _depend(found: SchemaObject, extension: str, entry: str | None) -> str:
    return f"ALTER {address(found)} {'NO ' if entry is None else ''}DEPENDS ON EXTENSION {extension}"


_PROPERTIES = {"security_labels": _label, "depends_on_extensions": _depend}


def _grant_columns_again(new: SchemaObject, before: Held, after: Held, world: World) -> Iterator[Statement]:
    """REVOKE on a table takes the privilege from all its columns too (manual, REVOKE, Notes)."""
    if new.kind not in _WITH_COLUMNS:
        return
    gone = {(each.grantee, each.privilege) for each in before.grants - after.grants}
    gone |= {(each.grantee, each.privilege) for each in after.revoked - before.revoked}
    gone -= {(each.grantee, each.privilege) for each in after.grants}
    if not gone:
        return
    for column in world.new.children(new.key, "column"):
        there = world.old.get(column.key)
        if there is None:
            continue
        kept = frozenset[Grant].intersection(*(each.grants for each in _held(there, column, world)))
        again = Held(frozenset(each for each in kept if (each.grantee, each.privilege) in gone), frozenset())
        for statement in grant_changes(_owned(column, world.new), _NONE, again):
            yield msgspec.structs.replace(statement, undo="")
