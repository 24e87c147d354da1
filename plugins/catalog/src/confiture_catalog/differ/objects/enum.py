"""Enums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture.quoting import quote_literal
from confiture_catalog.differ.handler import Alteration, Handler, Way, sql
from confiture_catalog.differ.world import World

__all__ = ["EnumHandler"]


class EnumHandler(Handler):
    """CREATE TYPE ... AS ENUM. Labels can be added anywhere; a new type where one is gone or has another place."""

    kinds = ("enum",)
    rank = 10

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE TYPE."""
        labels = ", ".join(quote_literal(label) for label in _labels(new))
        return (sql(f"CREATE TYPE {new.identity} AS ENUM ({labels})"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP TYPE."""
        return (sql(f"DROP TYPE {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """ADD VALUE. A label that the plan itself goes on to use must have been committed before."""
        before, after = _labels(old), _labels(new)
        if [label for label in after if label in before] != before:
            return Way.SWAP
        used = _texts_of_users(new, world)
        statements = []
        for number, label in enumerate(after):
            if label in before:
                continue
            literal = quote_literal(label)
            statements.append(
                sql(
                    f"ALTER TYPE {new.identity} ADD VALUE {literal}{_place(before, after, number)}",
                    transactional=not any(literal.strip() in text for text in used),
                )
            )
        return statements


def _labels(enum: SchemaObject) -> list[str]:
    labels = enum.properties.get("labels") or ()
    assert isinstance(labels, tuple)
    return [str(label) for label in labels]


def _place(before: Sequence[str], after: Sequence[str], number: int) -> str:
    """Where it goes among those that are there when its turn comes: all of ``before``, and the new ones up to it."""
    following = next((label for label in after[number + 1 :] if label in before), None)
    if following is None:
        return ""  # at the end
    return f" AFTER {quote_literal(after[number - 1])}" if number else f" BEFORE {quote_literal(following)}"


def _texts_of_users(new: SchemaObject, world: World) -> list[str]:
    """All expressions and definitions of what needs the type, among them the bounds of partitions by it."""
    found: list[str] = []
    users = world.new.dependents(new.key)
    parents = [parent for each in users if (parent := world.new.get(each.parent)) is not None]
    for each in (*users, *parents):
        if each.kind not in ("function", "procedure") or each.properties.get("sql_body"):
            found += [value for value in each.properties.values() if isinstance(value, str)]
    return found
