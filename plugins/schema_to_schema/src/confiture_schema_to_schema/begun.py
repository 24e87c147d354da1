"""A migration that is there already: none is begun over it, and one that was copied to its end is not gone on with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from confiture.errors import DatabaseNotFound, Refused
from confiture.sides import shown_side
from confiture_schema_to_schema.copying import find_former
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.following.state import follow_state_of
from confiture_schema_to_schema.model import Finding

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.values import Sides

__all__ = ["begun_finding", "refuse_begun", "refuse_unfinished"]

_COMMAND = "confiture migrate schema-to-schema"


async def refuse_begun(ctx: Context, sides: Sides, *, resume: bool) -> None:
    """Raise ``Refused`` where there is one whose changes are captured, or which was to be gone on with.

    Its new database may be the live one by now: nobody is told to empty that.
    """
    try:
        async with ctx.connect(sides.target) as connection:
            run = await state_of(ctx).latest(connection)
            captured = run is not None and await follow_state_of(ctx).read(connection, run.run_id) is not None
    except DatabaseNotFound:
        return
    if run is None or not (captured or resume):
        return
    next_ = f"`{_COMMAND} follow` brings over what changes" if captured else f"`{_COMMAND} validate` proves it"
    if resume:
        raise Refused(
            f"the copy into {shown_side(sides.target)!r} is complete: there is nothing to go on with", hint=next_
        )
    raise Refused(
        f"there is a migration into {shown_side(sides.target)!r} already, and its copy is complete",
        hint=f"{next_}; `{_COMMAND} status` says which side is live, and `{_COMMAND} cleanup` removes the migration, "
        "after which another one can begin",
    )


def refuse_unfinished(sides: Sides) -> NoReturn:
    """Raise ``Refused``: there is one."""
    raise Refused(
        f"a migration into {shown_side(sides.target)!r} was begun and is not finished",
        hint=f"go on with it: `{_COMMAND} resume`; or drop that database, and begin anew",
    )


async def begun_finding(ctx: Context, sides: Sides) -> Finding | None:
    """What a start would raise; None where it would begin."""
    try:
        if await find_former(ctx, sides) is not None:
            refuse_unfinished(sides)
        await refuse_begun(ctx, sides, resume=False)
    except Refused as error:
        return Finding(level="error", check="begun", table="", message=error.message, hint=error.hint)
    return None
