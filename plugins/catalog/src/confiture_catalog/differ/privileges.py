"""GRANT and REVOKE between two states of an object.

What an object has at birth is not written down: ``grants`` are beyond it, ``revoked`` are missing from it. The two
states have the same beginning, so what one of them says of it holds for the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from confiture.errors import Refused
from confiture.model import Grant, SchemaObject, Statement
from confiture.quoting import quote_ident
from confiture_catalog.differ.addresses import child_name, grant_target, is_grantable, split_last
from confiture_catalog.differ.handler import sql
from confiture_catalog.differ.world import World

__all__ = ["Held", "grant_changes", "held", "held_at_birth"]

#: Stands for the owner, who may be another one on the other side.
_OWNER = ""
#: Whose objects nobody's in particular are.
_ANYBODY = "CURRENT_USER"
#: The first version with this privilege (manual, appendix E).
_SINCE = {"MAINTAIN": 17}
#: What ALTER DEFAULT PRIVILEGES calls each kind.
_DEFAULTS = {
    "table": "TABLES",
    "foreign table": "TABLES",
    "view": "TABLES",
    "materialized view": "TABLES",
    "sequence": "SEQUENCES",
    "function": "FUNCTIONS",
    "procedure": "FUNCTIONS",
    "aggregate": "FUNCTIONS",
    "enum": "TYPES",
    "domain": "TYPES",
    "composite type": "TYPES",
    "range type": "TYPES",
    "base type": "TYPES",
    "shell type": "TYPES",
    "schema": "SCHEMAS",
}


class Held(NamedTuple):
    """Who may do what beyond, and short of, what there is at birth; the owner's own under one name."""

    grants: frozenset[Grant]
    revoked: frozenset[Grant]


class _Key(NamedTuple):
    grantee: str
    privilege: str
    grantor: str


class _Move(NamedTuple):
    """Of one grantee and grantor: nothing (0), the privilege (1), or with grant option (2), to another of these."""

    grantee: str
    grantor: str
    before: int
    after: int


def held(found: SchemaObject, world: World, owner: str | None = None) -> Held:
    """What the object's privileges are. ``owner`` is who it will belong to: what that one was granted is merged."""
    mine = found.owner or _ANYBODY

    def relevant(grants: Iterable[Grant]) -> frozenset[Grant]:
        return frozenset(
            msgspec.structs.replace(each, grantee=_OWNER) if each.grantee == mine else each
            for each in grants
            if _SINCE.get(each.privilege, 0) <= world.options.target_version
            and not (owner is not None and each.grantee == owner != mine)
        )

    return Held(relevant(found.grants), relevant(found.revoked))


def held_at_birth(new: SchemaObject, world: World) -> Held:
    """What the default privileges in force give a new object: those of whoever runs the plan.

    Changes of default privileges are a plan's last statements, their removals its first.
    """
    grants: set[Grant] = set()
    revoked: set[Grant] = set()
    if new.kind in _DEFAULTS:
        for found in _in_force(new, world):
            theirs = held(msgspec.structs.replace(found, owner=str(found.properties["role"])), world)
            grants |= theirs.grants
            revoked |= theirs.revoked
    owner = new.owner
    return Held(
        frozenset(each for each in grants if owner is None or each.grantee != owner),
        frozenset(revoked),
    )


def _in_force(new: SchemaObject, world: World) -> Iterator[SchemaObject]:
    objects = _DEFAULTS[new.kind]
    schemas = ("", *(f" IN SCHEMA {each}" for each in (new.schema or "", quote_ident(new.schema or ""))))
    for role in {_ANYBODY, world.old.schema.role}:
        for schema in schemas if new.kind != "schema" else ("",):
            found = world.old.find("default privileges", f"FOR ROLE {role}{schema} ON {objects}")
            if found is not None and found.key in world.new.objects:
                yield found


def grant_changes(found: SchemaObject, before: Held, after: Held, owner: str | None = None) -> list[Statement]:
    """The statements from ``before`` to ``after``. Raises ``Refused`` for an object that has no privileges."""
    if before == after:
        return []
    if not is_grantable(found):
        raise Refused(
            f"privileges of the {found.kind} {found.identity!r} differ",
            hint="grant or revoke them by hand on both sides, or leave it out with --exclude",
        )
    moves: dict[_Move, list[str]] = defaultdict(list)
    for key in sorted({_key(each) for each in (*before.grants, *before.revoked, *after.grants, *after.revoked)}):
        from_, to = _level(key, before, after), _level(key, after, before)
        if from_ != to:
            moves[_Move(key.grantee, key.grantor, from_, to)].append(key.privilege)
    owner = owner or found.owner or _ANYBODY
    return [
        sql(_write(found, move, moves[move], owner), undo=_write(found, _back(move), moves[move], owner))
        for move in _ordered(moves)
    ]


def _key(grant: Grant) -> _Key:
    return _Key(grant.grantee, grant.privilege, grant.grantor or "")


def _level(key: _Key, side: Held, other: Held) -> int:
    grantor = key.grantor or None
    for level in (2, 1):
        if Grant(key.grantee, key.privilege, level == 2, grantor) in side.grants:
            return level
    at_birth = 0
    for level in (1, 2):
        given = Grant(key.grantee, key.privilege, level == 2, grantor)
        if given in side.revoked:
            return 0
        if given in other.revoked:
            at_birth = level
    return at_birth


def _back(move: _Move) -> _Move:
    return move._replace(before=move.after, after=move.before)


def _ordered(moves: Iterable[_Move]) -> Sequence[_Move]:
    """Revoked before granted; who hands on what was granted comes after that, and before it is revoked."""
    every = sorted(moves)
    grantors = {move.grantee: move.grantor for move in every if move.grantor}

    def depth(move: _Move) -> int:
        count, grantor = 0, move.grantor
        while grantor and count <= len(grantors):
            count, grantor = count + 1, grantors.get(grantor, "")
        return count

    lowered = sorted((move for move in every if move.after < move.before), key=depth, reverse=True)
    return [*lowered, *sorted((move for move in every if move.after > move.before), key=depth)]


def _write(found: SchemaObject, move: _Move, privileges: Sequence[str], owner: str) -> str:
    head = column = ""
    if found.kind == "default privileges":
        schema = found.properties.get("schema")
        head = f"ALTER DEFAULT PRIVILEGES FOR ROLE {found.properties['role']} "
        head += f"IN SCHEMA {schema} " if schema else ""
        target = str(found.properties["objects"])
    elif found.kind == "privileges":
        target, column = _foreign_target(found)
    else:
        target = grant_target(found)
        column = f" ({child_name(found)})" if found.kind == "column" else ""
    said = ", ".join(f"{each}{column}" for each in privileges)
    grantee = move.grantee or owner
    if move.after == 0:
        text = f"{head}REVOKE {said} ON {target} FROM {grantee}"
    elif move.after < move.before:
        text = f"{head}REVOKE GRANT OPTION FOR {said} ON {target} FROM {grantee}"
    else:
        text = f"{head}GRANT {said} ON {target} TO {grantee}{' WITH GRANT OPTION' if move.after == 2 else ''}"
    return _as_role(text, move.grantor) if move.grantor not in ("", _ANYBODY) else text


def _as_role(text: str, role: str) -> str:
    """GRANTED BY takes the current user only; the session's role is put back, whatever it was."""
    return (
        "DO $confiture$ DECLARE was text := pg_catalog.current_setting('role');"
        f" BEGIN SET LOCAL ROLE {role}; {text}; PERFORM pg_catalog.set_config('role', was, true); END $confiture$"
    )


def _foreign_target(found: SchemaObject) -> tuple[str, str]:
    """Of what initdb or an extension made, and its column: ``pg_identify_object`` has its own words for types."""
    for words, target in _IDENTIFIED.items():
        if found.identity.startswith(f"{words} column "):
            table, column = split_last(found.identity[len(words) + len(" column ") :])
            return f"{target} {table}", f" ({column})"
        if found.identity.startswith(f"{words} "):
            return f"{target} {found.identity[len(words) + 1 :]}", ""
    raise Refused(
        f"privileges of {found.identity!r} differ, and no statement is known for that",
        hint="grant or revoke them by hand on both sides, or leave it out with --exclude",
    )


_IDENTIFIED = {
    "table": "TABLE",
    "view": "TABLE",
    "materialized view": "TABLE",
    "foreign table": "TABLE",
    "sequence": "SEQUENCE",
    "function": "FUNCTION",
    "aggregate": "FUNCTION",
    "procedure": "PROCEDURE",
    "type": "TYPE",
    "schema": "SCHEMA",
    "language": "LANGUAGE",
    "foreign-data wrapper": "FOREIGN DATA WRAPPER",
    "server": "FOREIGN SERVER",
}
