"""A part before its types are known: what each column of the target gets, as parse trees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from confiture_schema_to_schema.compiling.types import Fitted, Type
    from confiture_schema_to_schema.compiling.ways import Way
    from confiture_schema_to_schema.values import Column, Table

__all__ = ["Draft", "Output"]


@dataclass
class Output:
    """What a column of the target gets. ``node`` is the expression, None where the query's outputs are fixed.

    ``plain`` is the driving table's column that it is and nothing else. ``literal``: the text of a constant that has
    no type of its own, "" for NULL. ``number``: which of the fixed outputs it is. ``given`` is its type on the source.
    """

    column: Column
    node: Any = None
    plain: str | None = None
    literal: str | None = None
    number: int = 0
    given: Type | None = None
    fitted: Fitted | None = None


@dataclass
class Draft:
    """One way, on its way to a :class:`~confiture_schema_to_schema.values.Part`.

    ``tree`` is the SELECT. ``fixed``: its outputs must stay as they are (DISTINCT, a star...), so that casts go around
    it. ``handled``: columns of the source of which this way says where they go; ``dropped``: that they go nowhere.
    ``written``: trees of what somebody wrote, in which functions are looked for. ``broken``: it is in vain to go on.
    """

    way: Way
    tree: Any
    source: Table
    alias: str
    outputs: list[Output] = field(default_factory=list)
    fixed: bool = False
    whole: str | None = None
    reads: list[str] = field(default_factory=list)
    handled: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    written: list[Any] = field(default_factory=list)
    volatile: tuple[str, ...] = ()
    broken: bool = False

    def output(self, name: str) -> Output | None:
        """What that column of the target gets."""
        return next((output for output in self.outputs if output.column.name == name), None)
