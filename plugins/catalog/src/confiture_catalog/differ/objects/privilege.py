"""Default privileges, and privileges on what initdb or an extension made: objects that are nothing but grants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture_catalog.differ.handler import Alteration, Handler
from confiture_catalog.differ.privileges import Held, grant_changes, held
from confiture_catalog.differ.world import World

__all__ = ["PrivilegeHandler"]

_NONE = Held(frozenset(), frozenset())


class PrivilegeHandler(Handler):
    """Grants alone. Default ones change last and go first: what a new object has at birth is reckoned with that."""

    kinds = ("default privileges", "privileges")
    rank = 900

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """Nothing: what it consists of follows as any object's privileges do."""
        return ()

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """Back to what there is without it."""
        return grant_changes(old, held(old, world), _NONE)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """As any object's privileges."""
        return ()
