"""What the inspector sees and nobody can compare."""

from __future__ import annotations

from confiture.errors import Refused
from confiture.model import Schema

__all__ = ["refuse_unsupported"]


def refuse_unsupported(old: Schema, new: Schema) -> tuple[str, ...]:
    """Notes about what is on both sides alike. Raises ``Refused`` naming what is not."""
    sides = [{each.key: each for each in schema.unsupported} for schema in (old, new)]
    for here, there, where in ((sides[0], sides[1], "old"), (sides[1], sides[0], "new")):
        for key, each in here.items():
            other = there.get(key)
            if other is None or other.content != each.content:
                kind = each.kind.partition(":")[2]
                raise Refused(
                    f"{kind} {each.identity!r} of the {where} side differs, and confiture does not know such objects",
                    hint=f"change it by hand, then leave it out on both sides: --exclude {each.identity!r}",
                )
    return tuple(
        f"{each.kind.partition(':')[2]} {each.identity} is on both sides, and is not compared further"
        for each in sides[0].values()
    )
