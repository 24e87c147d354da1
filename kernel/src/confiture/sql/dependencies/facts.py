"""What one statement defines, needs and changes, as names that are not yet resolved against the others.

A name is written ``(space, schema, name)``. ``schema`` is "" for a name without one that is looked up along the
search path, and for objects that have none (roles, extensions). A member's name is its table's and its own:
``"users.email"``.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

__all__ = ["Facts", "Name", "Need", "Strength"]


# Structs that the garbage collector passes over (nothing here can form a cycle): a plan has some 25 names to a
# statement, and such a struct is made in a fifth of the time that a NamedTuple takes.
class Name(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    """An object: its kind of name (``relation``, ``type``, ``function``...), schema and name."""

    space: str
    schema: str
    name: str

    def in_space(self, space: str) -> Name:
        """The same schema and name as another kind of name."""
        return Name(space, self.schema, self.name)

    def __str__(self) -> str:
        return f'{self.space} "{self.schema}.{self.name}"' if self.schema else f'{self.space} "{self.name}"'


class Strength(IntEnum):
    """How much an edge counts. In a circle the weakest edges give way first; ``NEEDED`` never does."""

    #: Runs code that may look at anything (DO, SELECT f()): keeps its place among the others.
    BARRIER = 0
    #: Both act on one object: they keep their order.
    HISTORY = 1
    #: Probably needed: what a body names, the rows that a foreign key looks up, an extension's function.
    LIKELY = 2
    #: PostgreSQL refuses the statement without it.
    NEEDED = 3


class Need(msgspec.Struct, frozen=True, gc=False):
    """A name that the statement needs. ``arguments`` is the number of arguments of a called function, -1 unknown.

    ``foreign_key`` marks the need of a FOREIGN KEY inside CREATE TABLE, which can be added later.
    """

    name: Name
    strength: Strength = Strength.NEEDED
    arguments: int = -1
    foreign_key: bool = False


class Facts(msgspec.Struct, gc=False):
    """The facts of one statement.

    ``changes`` are objects that it acts on beyond using them (ALTER, CREATE INDEX ON, INSERT); ``drops`` those that
    are gone or renamed after it. ``barrier``: it runs code that may look at anything. ``columns`` are the names of
    columns that it mentions. ``overloads`` is the range of argument numbers of the function that it defines.
    ``late`` are names in a body that is resolved when it runs. ``early`` marks schemas, roles and extensions.
    """

    defines: list[Name] = msgspec.field(default_factory=list)
    needs: list[Need] = msgspec.field(default_factory=list)
    changes: list[Name] = msgspec.field(default_factory=list)
    drops: list[Name] = msgspec.field(default_factory=list)
    columns: set[str] = msgspec.field(default_factory=set)
    late: set[str] = msgspec.field(default_factory=set)
    calls: bool = False
    barrier: bool = False
    early: bool = False
    overloads: tuple[int, int] | None = None
    #: Set by the search path in effect; the first that exists takes what is created without a schema.
    path: tuple[str, ...] = ("public",)
