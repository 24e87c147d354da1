"""Which types hold the same values."""

from __future__ import annotations

from confiture.model import Value

__all__ = ["EXACT", "family", "kinship"]

EXACT = 2

_FAMILIES = {
    name: number
    for number, names in enumerate(
        (
            ("text", "character varying", "character", "citext", "public.citext", "name"),
            ("smallint", "integer", "bigint"),
            ("numeric", "real", "double precision"),
            ("timestamp with time zone", "timestamp without time zone"),
            ("time with time zone", "time without time zone"),
            ("json", "jsonb"),
            ("bit", "bit varying"),
            ("inet", "cidr"),
        )
    )
    for name in names
}


def family(type_: Value) -> str:
    """What a type is one of, without its length or precision: ``varchar(20)`` and ``text`` are one."""
    name = str(type_)
    dimensions = "[]" if name.endswith("[]") else ""
    name = name.removesuffix("[]")
    opened, closed = name.find("("), name.find(")")
    if opened >= 0 and closed > opened and '"' not in name:
        name = name[:opened] + name[closed + 1 :]
    return f"{_FAMILIES.get(name, name)}{dimensions}"


def kinship(one: Value, other: Value) -> int:
    """2 for the same type, 1 for one of the same family, 0 where values would not survive."""
    if one == other:
        return EXACT
    return 1 if family(one) == family(other) else 0
