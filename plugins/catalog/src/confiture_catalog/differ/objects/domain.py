"""Domains and their constraints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import ObjectKey, SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler, Way, sql
from confiture_catalog.differ.names import beside
from confiture_catalog.differ.world import World

__all__ = ["DomainConstraintHandler", "DomainHandler"]

_NOT_NULL = "not null"


class DomainHandler(Handler):
    """CREATE, ALTER and DROP DOMAIN; a new one where its type or collation is another."""

    kinds = ("domain",)
    rank = 14

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE DOMAIN with those constraints that need no statement of their own."""
        values = new.properties
        words = [f"CREATE DOMAIN {new.identity} AS {values['type']}"]
        if values.get("collation"):
            words.append(f"COLLATE {values['collation']}")
        if values.get("default"):
            words.append(f"DEFAULT {values['default']}")
        if values.get("not_null") and not any(part.properties["type"] == _NOT_NULL for part in parts):
            words.append("NOT NULL")
        words += [f"CONSTRAINT {_name(part)} {part.properties['definition']}" for part in parts]
        return (sql(" ".join(words)),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP DOMAIN."""
        return (sql(f"DROP DOMAIN {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """SET and DROP DEFAULT; SET and DROP NOT NULL where that is no constraint with a name."""
        was, becomes, domain = old.properties, new.properties, f"ALTER DOMAIN {new.identity}"
        if any(was.get(name) != becomes.get(name) for name in ("type", "collation")):
            return Way.SWAP
        statements = []
        if was.get("default") != becomes.get("default"):
            default = becomes.get("default")
            statements.append(sql(f"{domain} SET DEFAULT {default}" if default else f"{domain} DROP DEFAULT"))
        if was.get("not_null") != becomes.get("not_null") and not world.named_not_null:
            if becomes.get("not_null") and _in_containers(old, world):
                return Way.SWAP
            statements.append(sql(f"{domain} {'SET' if becomes.get('not_null') else 'DROP'} NOT NULL"))
        return statements

    def move_away(self, old: SchemaObject, name: str, world: World) -> Iterable[Statement]:
        """ALTER DOMAIN ... RENAME; what its default needs may be dropped before the old one is."""
        if old.properties.get("default"):
            yield sql(f"ALTER DOMAIN {old.identity} DROP DEFAULT")
        yield sql(f"ALTER DOMAIN {old.identity} RENAME TO {name}")

    def cleanup(self, old: SchemaObject, name: str, world: World) -> Iterable[Statement]:
        """DROP DOMAIN."""
        return (sql(f"DROP DOMAIN {beside(old, name)}"),)

    def on_swap(self, old: SchemaObject, swapped: SchemaObject, world: World) -> Way | None:
        """Its type is another one then, even if it has the same name."""
        return Way.SWAP

    def on_replace(self, old: SchemaObject, replaced: SchemaObject, world: World) -> Way | None:
        """Its values survive what only its default needs, such as a function."""
        return Way.REPLACE if replaced.kind.endswith(("type", "domain", "enum", "table", "view")) else Way.SWAP


class DomainConstraintHandler(Handler):
    """ALTER DOMAIN ... ADD, VALIDATE and DROP CONSTRAINT."""

    kinds = ("domain constraint",)
    rank = 16

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """ADD CONSTRAINT; the values of tables in use are checked in a second step that lets others write."""
        if not _is_said(new, world):
            return ()
        add = f"ALTER DOMAIN {_domain(new)} ADD CONSTRAINT {_name(new)} {new.properties['definition']}"
        if new.properties["type"] == _NOT_NULL or new.properties.get("not_valid") or not _online(new, world):
            return (sql(add),)
        drop = f"ALTER DOMAIN {_domain(new)} DROP CONSTRAINT {_name(new)}"
        return (sql(f"{add} NOT VALID", undo=drop), _validate(new))

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP CONSTRAINT. From an old domain only where it needs something that may be dropped sooner."""
        if not _is_said(old, world) or (old.parent in world.swapped and not old.needs):
            return ()
        return (sql(f"ALTER DOMAIN {_domain(old)} DROP CONSTRAINT {_name(old)}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """VALIDATE, where that is all."""
        was, becomes = dict(old.properties), dict(new.properties)
        if was.pop("not_valid", None) and not becomes.get("not_valid"):
            was["definition"] = str(was["definition"]).removesuffix(" NOT VALID")
            if was == becomes:
                return [_validate(new)]
        return Way.REPLACE

    def parent_way(self, old: SchemaObject | None, new: SchemaObject | None, world: World, *, anew: bool) -> Way | None:
        """A new domain where the old one's values are to be checked, and are in arrays or composite types."""
        domain = world.old.get(old.parent if old is not None else new.parent if new is not None else None)
        checks = new is not None and not new.properties.get("not_valid") and _is_said(new, world)
        only_attributes = old is not None and new is not None and old.properties == new.properties and not anew
        if domain is None or not checks or only_attributes or not _in_containers(domain, world):
            return None
        return Way.SWAP

    def folds_into(self, new: SchemaObject, world: World) -> ObjectKey | None:
        """Its domain, where it is valid: CREATE DOMAIN has no NOT VALID."""
        return None if new.properties.get("not_valid") else new.parent


def _name(constraint: SchemaObject) -> str:
    return constraint.identity[len(_domain(constraint)) + 1 :]


def _domain(constraint: SchemaObject) -> str:
    assert constraint.parent is not None
    return constraint.parent.identity


def _is_said(constraint: SchemaObject, world: World) -> bool:
    """A NOT NULL without a name is the domain's own property."""
    return constraint.properties["type"] != _NOT_NULL or world.named_not_null


def _validate(constraint: SchemaObject) -> Statement:
    return sql(f"ALTER DOMAIN {_domain(constraint)} VALIDATE CONSTRAINT {_name(constraint)}", undo="")


def _online(new: SchemaObject, world: World) -> bool:
    if not world.online or new.parent is None or world.is_fresh(new.parent):
        return False
    return any(each.kind == "column" for each in world.old.dependents(new.parent))


def _in_containers(domain: SchemaObject, world: World) -> bool:
    """PostgreSQL cannot check values that are parts of others (typecmds.c, get_rels_with_domain)."""
    users = world.old.dependents(domain.key)
    columns = [each for each in users if each.kind == "column"]
    within = any(each.properties["type"] != domain.identity for each in columns)
    return within or any(each.kind in ("attribute", "range type") for each in users)
