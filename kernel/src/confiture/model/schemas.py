"""Schemas as values, and what somebody decides about the difference of two."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec

from confiture.model.plans import Statement

__all__ = [
    "Decisions",
    "DiffOptions",
    "Grant",
    "Matching",
    "ObjectKey",
    "Question",
    "Rename",
    "Schema",
    "SchemaObject",
    "Value",
]


class ObjectKey(NamedTuple):
    """What names one object of a schema: its kind and, within that, its identity as SQL text."""

    kind: str
    identity: str


#: What a property of a schema's object may be.
Value: TypeAlias = str | int | bool | tuple[str | None, ...] | None


class Grant(msgspec.Struct, frozen=True, order=True):
    """One privilege of one role. ``grantee`` is SQL text, quoted where needed; ``PUBLIC`` is everybody.

    ``grantor`` is None where the owner granted it.
    """

    grantee: str
    privilege: str
    grantable: bool = False
    grantor: str | None = None


class SchemaObject(msgspec.Struct, frozen=True, kw_only=True):
    """One object of a schema, and what the catalogs say of it as plain values.

    ``kind`` is in the words of ``COMMENT ON`` (``table``, ``column``, ``materialized view``); what an inspector sees
    and does not model has a kind that begins with ``unsupported:``. ``identity`` is SQL text, qualified and quoted
    where needed (``public.users.email``, ``public.f(integer)``), unique within its kind; ``schema`` and ``name`` are
    bare. ``parent`` is what it is a part of and goes away with (a column's table).

    ``properties`` hold what differs from the default only: None, False and empty ones are absent. ``grants`` are
    the privileges beyond those that PostgreSQL gives at birth, ``revoked`` those taken from them. ``owner`` is SQL
    text. No difference, and no part of the digest, are ``position`` (from 1, where it stands among its siblings),
    ``state`` (whether a materialized view has been populated) and ``needs`` (what it depends on).
    """

    kind: str
    identity: str
    properties: Mapping[str, Value]
    schema: str | None = None
    name: str = ""
    parent: ObjectKey | None = None
    owner: str | None = None
    comment: str | None = None
    grants: tuple[Grant, ...] = ()
    revoked: tuple[Grant, ...] = ()
    position: int | None = None
    state: Mapping[str, Value] = {}
    needs: tuple[ObjectKey, ...] = ()

    @property
    def key(self) -> ObjectKey:
        """Its kind and identity."""
        return ObjectKey(self.kind, self.identity)

    @property
    def content(self) -> tuple[Any, ...]:
        """What two objects must have equal to be no difference: all but ``position``, ``state`` and ``needs``."""
        return (
            self.kind,
            self.identity,
            self.parent,
            self.properties,
            self.owner,
            self.comment,
            self.grants,
            self.revoked,
        )


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """Objects sorted by kind and identity; equal schemas have equal digests. Made by :meth:`of`.

    ``digest`` is a SHA-256 of the objects' contents: OIDs, the order of creation, the order of a table's columns, the
    database's name and the server are no part of it. ``server_version`` is ``(major, minor)``, ``role`` who read it,
    as SQL text: what a side made from DDL belongs to is nobody's decision where it is that role.
    """

    objects: tuple[SchemaObject, ...]
    digest: str
    server_version: tuple[int, ...] = ()
    role: str = ""

    @classmethod
    def of(cls, objects: Iterable[SchemaObject], server_version: tuple[int, ...] = (), role: str = "") -> Schema:
        """Sort the objects and take their digest."""
        found = tuple(sorted(objects, key=lambda each: (each.kind, each.identity)))
        encoded = msgspec.json.encode([each.content for each in found], order="sorted")
        digest = hashlib.sha256(encoded).hexdigest()
        return cls(objects=found, digest=digest, server_version=server_version, role=role)

    @property
    def unsupported(self) -> tuple[SchemaObject, ...]:
        """What was seen and is not modelled: to be named to the user, never passed over."""
        return tuple(each for each in self.objects if each.kind.startswith("unsupported:"))


class Rename(msgspec.Struct, frozen=True, kw_only=True):
    """An object of the old schema that has another name, or another schema, in the new one.

    ``score`` is from 0 to 1, ``evidence`` what speaks for it, for people. ``hinted``: somebody said so.
    """

    old: ObjectKey
    new: ObjectKey
    score: float = 1.0
    evidence: tuple[str, ...] = ()
    hinted: bool = False


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is gone, and what it may have become: a differ does not guess. ``renames`` are best first."""

    old: ObjectKey
    renames: tuple[Rename, ...]


class Decisions(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said of names, on the command line or by hints in the DDL.

    ``renames`` maps old names to new ones, each written as a person writes it (``users.full_name``, or qualified
    and quoted where needed); the new one may be bare. ``drops`` are names, or patterns with ``*``, of what is
    really meant to go. ``kinds`` of an entry are not given: the names decide.
    """

    renames: tuple[tuple[str, str], ...] = ()
    drops: tuple[str, ...] = ()


class Matching(msgspec.Struct, frozen=True, kw_only=True):
    """Which objects have new names. ``statements`` rename them, in an order that works; ``questions`` stop a plan."""

    renames: tuple[Rename, ...] = ()
    questions: tuple[Question, ...] = ()
    statements: tuple[Statement, ...] = ()


class DiffOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a plan is to be made.

    ``online``: existing tables stay in use while it runs. ``target_version``: the major version of the server that
    it will run on. ``rows``: estimated rows by table's identity, where known. ``drops``: see :class:`Decisions`;
    what would otherwise be refused, since data goes with it, may be dropped and made anew. ``backfills``: of new
    columns that are NOT NULL and have no default, by name as a person writes it, the SQL expression that gives the
    rows that are there a value.
    """

    online: bool = True
    target_version: int = 18
    rows: Mapping[str, int] = {}
    drops: tuple[str, ...] = ()
    backfills: Mapping[str, str] = {}
