"""What it takes to change a column's type: how a value gets over, and whether what refers to the column survives."""

from __future__ import annotations

__all__ = ["conversion", "rewrites", "same_family"]

_FAMILIES = (
    ("smallint", "integer", "bigint", "numeric", "real", "double precision"),
    ("text", "character varying", "character", "name", '"char"'),
    ("timestamp without time zone", "timestamp with time zone", "date"),
    ("time without time zone", "time with time zone"),
    ("bit", "bit varying"),
    ("json", "jsonb"),
    ("inet", "cidr"),
)
_FAMILY = {name: number for number, names in enumerate(_FAMILIES) for name in names}
_TEXT = _FAMILY["text"]
_INTEGERS = ("smallint", "integer", "bigint")


def base(type_: str) -> str:
    """A type as format_type prints it, without its modifier: ``numeric(10,2)`` is ``numeric``."""
    opening = type_.find("(")
    if opening < 0:
        return type_
    return type_[:opening] + type_[type_.index(")", opening) + 1 :]


def rewrites(old: str, new: str) -> bool:
    """Whether PostgreSQL writes a table anew for it."""
    from confiture.sql.effects.known import Known
    from confiture.sql.effects.types import change_of, type_of

    after = type_of(new)
    return after is None or change_of(type_of(old), after, Known(), text=new).rewrites


def same_family(old: str, new: str) -> bool:
    """Whether comparisons, defaults and keys written for the one work for the other."""
    one, other = base(old), base(new)
    if one.endswith("[]") and other.endswith("[]"):
        return same_family(one[:-2], other[:-2])
    return one == other or (_FAMILY.get(one, -1) == _FAMILY.get(other, -2))


def conversion(column: str, old: str, new: str, *, builtin: bool) -> str:
    """The expression of USING; "" where the assignment cast does it.

    PostgreSQL has casts within families and to text (manual, 10.4 and pg_cast); everything else is brought over by
    its text, which is what the explicit cast from and to text does. ``builtin``: neither type is the user's.
    """
    one, other = base(old), base(new)
    if builtin and (same_family(old, new) or _FAMILY.get(other) == _TEXT):
        # json and jsonb, inet and cidr, and what narrows have no implicit cast: an assignment cast is enough.
        return ""
    if (one == "boolean" and other in _INTEGERS) or (other == "boolean" and one in _INTEGERS):
        return f"{column}::integer::{new}" if "integer" not in (one, other) else f"{column}::{new}"
    return f"{column}::{new}" if builtin and _FAMILY.get(one) == _TEXT else f"{column}::text::{new}"
