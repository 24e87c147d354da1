"""Rows of the catalogs, put together to a schema. Pure: addresses go in, names come out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, TypeAlias

import msgspec

from confiture.model import Grant, ObjectKey, SchemaObject, Value
from confiture_catalog.rows import FIRST_USER_OID

__all__ = ["Address", "Assembly"]

#: classid, objid, objsubid, as in pg_depend.
Address: TypeAlias = tuple[int, int, int]

_properties = msgspec.json.Decoder(dict[str, Value])
#: What the names of properties begin with that are no difference.
_STATE = "~"
#: What temporary objects are: seen, and nobody's schema.
_TEMPORARY = ObjectKey("", "")
#: pg_depend's letter for a member of an extension, and for what goes when an extension goes.
_MEMBER, _AUTO_EXTENSION, _INTERNAL = "e", "x", "i"


class Assembly:
    """What one snapshot of the catalogs said. Each argument is the rows of the query of that name in ``facts``."""

    def __init__(
        self,
        families: Iterable[Iterable[Any]],
        *,
        comments: Iterable[Any],
        labels: Iterable[Any],
        grants: Iterable[Any],
        folded: Iterable[Any],
        dependencies: list[Any],
    ) -> None:
        self._dependencies = [tuple(row) for row in dependencies]
        self._members = {row[0:2]: (row[3], row[4], 0) for row in self._dependencies if row[6] == _MEMBER}
        self._rows: dict[Address, Any] = {}
        self._keys: dict[Address, ObjectKey] = {}
        self._aliases: dict[Address, Address] = {}
        for rows in families:
            self._add(rows)
        for classid, oid, *whole in folded:
            self._aliases.setdefault((classid, oid, 0), tuple(whole))
        for row in self._dependencies:
            if row[6] == _INTERNAL and row[0:3] not in self._rows:
                self._aliases.setdefault(row[0:3], row[3:6])
        self._comments: dict[Address, str] = {tuple(row)[:3]: row[3] for row in comments}
        self._labels = _lists(labels)
        self._given, self._default = _grants(grants)

    def _add(self, rows: Iterable[Any]) -> None:
        members = self._members
        for row in rows:
            classid, oid, subid = row[0], row[1], row[2]
            parent = (row[8], row[9])
            if (classid, oid) in members:
                continue
            if (row[4] or "").startswith("pg_temp_"):  # other sessions' as well
                self._keys[(classid, oid, subid)] = _TEMPORARY
            elif parent in members:  # a column, an index... of an extension's table
                self._aliases[(classid, oid, subid)] = (*parent, 0)
            else:
                self._rows[(classid, oid, subid)] = row
                self._keys[(classid, oid, subid)] = ObjectKey(row[3], row[6])

    def resolve(self, address: Address) -> ObjectKey | None:
        """The object that an address is, or is a part of; for an extension's member, the extension."""
        for _ in range(8):  # an array type of a row type of a table: three
            key = self._keys.get(address)
            if key is not None:
                return key
            following = self._members.get(address[:2]) or self._aliases.get(address)
            if following is None:
                if address[2] == 0:
                    return None
                following = (address[0], address[1], 0)  # a column of what has none here, such as an index
            address = following
        return None

    def _whole(self, address: Address) -> Address:
        while (following := self._aliases.get(address)) is not None:
            address = following
        return address

    def unknown(self) -> list[Address]:
        """The addresses of users' objects that no family has: pg_depend names nearly all that there is."""
        found = {(row[0], row[1], 0) for row in self._dependencies}
        return sorted({self._whole(address) for address in found if self.resolve(address) is None})

    def changed_members(self) -> list[Address]:
        """What initdb or an extension made, and someone has granted or revoked privileges on."""
        return sorted(
            address
            for address in {*self._given, *self._default}
            if (*address[:2], 0) not in self._rows and (address[:2] in self._members or address[1] < FIRST_USER_OID)
        )

    def objects(self, *, unknown: Mapping[Address, Any], changed: Mapping[Address, Any]) -> list[SchemaObject]:
        """All objects; ``unknown`` and ``changed`` are the rows of ``IDENTIFY`` for those two lists."""
        needs, extensions = self._needs()
        found = [self._object(address, row, needs, extensions) for address, row in self._rows.items()]
        for row in unknown.values():
            _, _, _, catalog, type_, schema, name, identity = row
            kind = f"unsupported:{catalog}"
            properties: dict[str, Value] = {"type": type_}
            found.append(
                SchemaObject(
                    kind=kind, identity=f"{type_} {identity}", schema=schema, name=name or "", properties=properties
                )
            )
        found += self._privileges_of_others(changed)
        return found

    def _object(
        self,
        address: Address,
        row: Any,
        needs: Mapping[ObjectKey, set[ObjectKey]],
        extensions: Mapping[ObjectKey, set[str]],
    ) -> SchemaObject:
        _, _, _, _, schema, name, _, owner, parent_class, parent_oid, position, encoded = row
        key = self._keys[address]
        properties = {k: v for k, v in _properties.decode(encoded).items() if v is not False and v != ()}
        state = {k[1:]: properties.pop(k) for k in tuple(properties) if k[0] == _STATE}
        if key in extensions:
            properties["depends_on_extensions"] = tuple(sorted(extensions[key]))
        if address in self._labels:
            properties["security_labels"] = tuple(self._labels[address])
        comment, given, default = self._comments.get(address), self._given.get(address), self._default.get(address)
        if key.kind == "composite type":  # its owner's, comment's and privileges' row is pg_type's
            comment, given, default = self._of_row_type(address)
        return SchemaObject(
            kind=key.kind,
            identity=key.identity,
            schema=schema,
            name=name,
            parent=self._keys.get((parent_class, parent_oid, 0)) if parent_oid else None,
            properties=properties,
            owner=owner,
            comment=comment,
            grants=_sorted(given, default),
            revoked=_sorted(default, given),
            position=position,
            state=state,
            needs=tuple(sorted(needs.get(key, ()))),
        )

    def _of_row_type(self, address: Address) -> tuple[str | None, set[Grant] | None, set[Grant] | None]:
        alias = self._row_types[address]
        return self._comments.get(alias), self._given.get(alias), self._default.get(alias)

    @cached_property
    def _row_types(self) -> dict[Address, Address]:
        """Of each composite type's relation, the type; an array type is the part of a type."""
        return {
            whole: alias
            for alias, whole in self._aliases.items()
            if alias[0] != whole[0] and whole in self._keys and self._keys[whole].kind == "composite type"
        }

    def _needs(self) -> tuple[dict[ObjectKey, set[ObjectKey]], dict[ObjectKey, set[str]]]:
        """The edges between objects, and those that ``DEPENDS ON EXTENSION`` made."""
        parents = {
            self._keys[address]: self._keys.get((row[8], row[9], 0)) for address, row in self._rows.items() if row[9]
        }
        needs: dict[ObjectKey, set[ObjectKey]] = defaultdict(set)
        extensions: dict[ObjectKey, set[str]] = defaultdict(set)
        known: dict[Address, ObjectKey | None] = {}
        for row in self._dependencies:
            dependent_address, referenced_address, deptype = row[0:3], row[3:6], row[6]
            if deptype == _MEMBER:
                continue
            dependent = known.get(dependent_address) or known.setdefault(
                dependent_address, self.resolve(dependent_address)
            )
            referenced = known.get(referenced_address) or known.setdefault(
                referenced_address, self.resolve(referenced_address)
            )
            if not dependent or not referenced or dependent == referenced or _TEMPORARY in (dependent, referenced):
                continue
            if deptype == _AUTO_EXTENSION:
                extensions[dependent].add(referenced.identity)
            if parents.get(dependent) != referenced and parents.get(referenced) != dependent:
                needs[dependent].add(referenced)
        _share_with_constraints(needs)
        return needs, extensions

    def _privileges_of_others(self, changed: Mapping[Address, Any]) -> list[SchemaObject]:
        """Grants on what the user did not make: objects of kind ``privileges``."""
        found = []
        for address in sorted({*self._given, *self._default}):
            row = changed.get(address)
            if row is None or address in self._rows:
                continue
            _, _, _, _, type_, schema, name, identity = row
            given, default = self._given.get(address), self._default.get(address)
            grants, revoked = _sorted(given, default), _sorted(default, given)
            if grants or revoked:
                found.append(
                    SchemaObject(
                        kind="privileges",
                        identity=f"{type_} {identity}",
                        schema=schema,
                        name=name or "",
                        properties={},
                        grants=grants,
                        revoked=revoked,
                    )
                )
        return found


def _share_with_constraints(needs: dict[ObjectKey, set[ObjectKey]]) -> None:
    """A constraint needs what its index does: pg_depend has the predicate and the operator classes with the index."""
    for index in [key for key in needs if key.kind == "index"]:
        for constraint in [need for need in needs[index] if need.kind == "constraint"]:
            needs[constraint] |= needs[index] - {constraint}


def _sorted(these: set[Grant] | None, but_not: set[Grant] | None) -> tuple[Grant, ...]:
    if not these:
        return ()
    return tuple(
        sorted(these - (but_not or set()), key=lambda g: (g.grantee, g.privilege, g.grantable, g.grantor or ""))
    )


def _lists(rows: Iterable[Any]) -> dict[Address, list[str]]:
    found: dict[Address, list[str]] = defaultdict(list)
    for classid, oid, subid, text in rows:
        found[(classid, oid, subid)].append(text)
    return found


def _grants(rows: Iterable[Any]) -> tuple[dict[Address, set[Grant]], dict[Address, set[Grant]]]:
    given: dict[Address, set[Grant]] = defaultdict(set)
    default: dict[Address, set[Grant]] = defaultdict(set)
    for classid, oid, subid, grantee, privilege, grantable, grantor, base in rows:
        (default if base else given)[(classid, oid, subid)].add(Grant(grantee, privilege, grantable, grantor))
    return given, default
