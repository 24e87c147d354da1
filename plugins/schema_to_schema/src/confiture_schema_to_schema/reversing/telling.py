"""Tables that take the rows of several old ones: by what a row says where it came from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import msgspec

from confiture.quoting import quote_ident
from confiture_schema_to_schema.reversing.forward import Forward
from confiture_schema_to_schema.reversing.inverting import Inverse

__all__ = ["Mark", "marks_of"]


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A condition over a column of the new table that holds for the rows of one old table, and for no other's."""

    column: str
    value: str | None = None
    inverse: Inverse | None = None

    def sql(self, alias: str) -> str:
        """``alias`` is SQL."""
        if self.inverse is not None:
            return self.inverse.condition(alias) or "true"
        return f"{alias}.{quote_ident(self.column)} = {self.value}"


def marks_of(forward: Forward, others: Sequence[Forward]) -> tuple[Mark, ...] | None:
    """What tells the rows of ``forward`` from those of ``others``, which fill the same table. None: nothing does.

    Without others: columns of a key that it fills with a constant, since other values are other rows.
    """
    constants = forward.constants()
    if not others:
        return _alone(forward)
    found: dict[str, Mark] = {}
    for other in others:
        theirs = other.constants()
        name = next((name for name, sql in constants.items() if name in theirs and _differ(sql, theirs[name])), None)
        if name is not None:
            found[name] = Mark(column=name, value=constants[name])
            continue
        column = next((column for column in forward.outputs if _apart(forward, other, column)), None)
        if column is None:
            return None
        inverse = forward.outputs[column]
        assert isinstance(inverse, Inverse)
        if not _covered(column, (forward, *others)):
            return None
        found[column] = Mark(column=column, inverse=inverse)
    return tuple(found.values())


def _alone(forward: Forward) -> tuple[Mark, ...] | None:
    if any(isinstance(each, Inverse) and abs(each.factor) != 1 for each in forward.outputs.values()):
        return None
    keys = {name for key in forward.target.keys for name in key.columns}
    return tuple(Mark(column=name, value=sql) for name, sql in forward.constants().items() if name in keys)


def _differ(one: str, other: str) -> bool:
    """Two literals of one column. Numbers may be written in several ways (``1``, ``1.0``); such are not trusted."""
    texts = one.startswith("'") and other.startswith("'")
    words = {one, other} <= {"true", "false"}
    numbers = one.lstrip("-").isdigit() and other.lstrip("-").isdigit()
    return (texts or words or numbers) and (int(one) != int(other) if numbers else one != other)


def _apart(one: Forward, other: Forward, column: str) -> bool:
    """Whether no value of one can be a value of the other, since they leave other remainders."""
    first, second = one.outputs.get(column), other.outputs.get(column)
    if not isinstance(first, Inverse) or not isinstance(second, Inverse) or first.zone or second.zone:
        return False
    return (first.offset - second.offset) % math.gcd(first.factor, second.factor) != 0


def _covered(column: str, forwards: Sequence[Forward]) -> bool:
    """Whether each value there is belongs to one of them: a row of none of them would be lost."""
    factors = [each.factor for one in forwards if isinstance(each := one.outputs.get(column), Inverse)]
    return sum(Fraction(1, abs(factor)) for factor in factors) == 1
