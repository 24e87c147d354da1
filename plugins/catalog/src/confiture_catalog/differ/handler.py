"""What is known of a kind of object: its statements, and what must be gone while they run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import ClassVar, NamedTuple, TypeAlias

from confiture.errors import Refused
from confiture.model import ObjectKey, SchemaObject, Statement
from confiture_catalog.differ.names import beside
from confiture_catalog.differ.world import World

__all__ = ["Alteration", "Handler", "Op", "Ref", "Way", "refuse_data_loss", "same_properties", "sql"]


#: Properties that any kind may have, and ``attributes`` sees to.
OF_ATTRIBUTES = frozenset({"security_labels", "depends_on_extensions"})


class Op(Enum):
    """What a node of the plan does with an object.

    ``PREPARE`` is what takes long, done while everything is still as it was. ``LATE`` follows its creation and
    everything it refers to, ``CLEANUP`` drops the old one of a swapped type.
    """

    PREPARE = "prepare"

    DROP = "drop"
    ALTER = "alter"
    CREATE = "create"
    LATE = "late"
    CLEANUP = "cleanup"


class Ref(NamedTuple):
    """A node of the plan."""

    op: Op
    key: ObjectKey


class Way(Enum):
    """How an object gets from old to new where ALTER does not do it.

    ``REPLACE``: dropped and created, and with it all that needs it. ``SWAP``, for types: the old one gets another
    name, the new one is created, columns are moved over to it, the old one is dropped.
    """

    REPLACE = "replace"
    SWAP = "swap"


Alteration: TypeAlias = "Sequence[Statement] | Way"


def sql(text: str, *, undo: str | None = None, transactional: bool = True) -> Statement:
    """A statement of a plan."""
    return Statement(sql=text, undo=undo, transactional=transactional)


class Handler:
    """The base of all handlers: subclass it in ``objects/`` and list it in ``kinds.py``.

    Owners, comments, privileges and security labels are not a handler's business: ``attributes`` adds them. What an
    object has beside its properties is not seen by :meth:`alter`.
    """

    #: The kinds that it is for.
    kinds: ClassVar[tuple[str, ...]]
    #: Creation goes by rank where needs leave the choice, dropping the other way.
    rank: ClassVar[int] = 50
    #: Whether its creation may be made a statement of its own where it would else be a part of its parent's.
    unfolds: ClassVar[bool] = True

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """Make it. ``parts`` are its parts that :meth:`folds_into` put into this statement."""
        raise NotImplementedError

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """Drop it; nothing needs it any more."""
        raise NotImplementedError

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """The statements from old to new; none for what needs none; or a :class:`Way`.

        Called for objects whose properties differ, and for those that ``world.swapped`` concerns. Pure: it is called
        several times. Raises ``Refused``.
        """
        return () if same_properties(old, new) else Way.REPLACE

    def prepare(self, old: SchemaObject, new: SchemaObject, world: World) -> Iterable[Statement]:
        """What :meth:`alter` rests on, and can be done before anything that needs the object is taken down."""
        return ()

    def move_away(self, old: SchemaObject, name: str, world: World) -> Iterable[Statement]:
        """Of a type that is swapped: give it the other name, which is bare SQL text."""
        return (sql(f"ALTER TYPE {old.identity} RENAME TO {name}"),)

    def cleanup(self, old: SchemaObject, name: str, world: World) -> Iterable[Statement]:
        """Of a type that was swapped: drop the old one, under its other name."""
        return (sql(f"DROP TYPE {beside(old, name)}"),)

    def late(self, new: SchemaObject, world: World) -> Iterable[Statement]:
        """What can only be said of a new object when everything it refers to is there."""
        return ()

    def late_needs(self, new: SchemaObject) -> Iterable[ObjectKey]:
        """Those of its needs that :meth:`create` does without, and :meth:`late` does not."""
        return ()

    def blocks(self, old: SchemaObject, new: SchemaObject, dependent: SchemaObject, world: World) -> bool:
        """Whether :meth:`alter` fails while ``dependent``, of the old schema, is there."""
        return False

    def on_swap(self, old: SchemaObject, swapped: SchemaObject, world: World) -> Way | None:
        """What becomes of it when a type that it needs is swapped; None: :meth:`alter` moves it over."""
        return Way.REPLACE

    def on_replace(self, old: SchemaObject, replaced: SchemaObject, world: World) -> Way | None:
        """What becomes of it when something that it needs, or is a part of, is replaced; None: :meth:`alter`."""
        return Way.REPLACE

    def check_replace(self, old: SchemaObject, new: SchemaObject, reason: str, world: World) -> None:
        """Raise ``Refused`` where dropping and creating it would lose data and nobody said that it may."""

    def folds_into(self, new: SchemaObject, world: World) -> ObjectKey | None:
        """What it is created with, where that is created too."""
        return None

    def goes_with(self, old: SchemaObject, world: World) -> Iterable[ObjectKey]:
        """Objects that take it with them when they are dropped: its parent, unless overridden."""
        return () if old.parent is None else (old.parent,)

    def takes(self, old: SchemaObject, world: World) -> Iterable[ObjectKey]:
        """Objects that its DROP takes along, though they are no parts of it: a base type's functions."""
        return ()

    def parent_way(self, old: SchemaObject | None, new: SchemaObject | None, world: World, *, anew: bool) -> Way | None:
        """How its parent, which is on both sides, is made anew since this part is dropped, created or altered.

        None: it changes alone. ``anew``: it would itself be replaced.
        """
        return None

    def completes_late(self, new: SchemaObject) -> bool:
        """Whether what needs it must wait for :meth:`late`, save for its ``late_needs``."""
        return False

    def after(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """Nodes that this one must come after, beside those of its needs; even where these would wait for it."""
        return ()

    def before(self, op: Op, subject: SchemaObject, world: World) -> Iterable[Ref]:
        """Nodes that must come after this one, even where it needs what they are for."""
        return ()

    def order(self, subject: SchemaObject, world: World) -> int:
        """Its rank, where that depends on the object."""
        return self.rank


def same_properties(old: SchemaObject, new: SchemaObject) -> bool:
    """Whether they differ in nothing that a handler is asked about."""
    return old.properties == new.properties or all(
        old.properties.get(name) == new.properties.get(name)
        for name in {*old.properties, *new.properties} - OF_ATTRIBUTES
    )


def refuse_data_loss(old: SchemaObject, reason: str, world: World) -> None:
    """Raise ``Refused`` for an object with data, unless it may be dropped."""
    if not world.may_drop(old.identity):
        raise Refused(
            f"the {old.kind} {old.identity!r} would have to be dropped and made anew, with its data: {reason}",
            hint=f"if the data may go, say so with --drop '{old.identity}'; else move it in a migration of your own",
        )
