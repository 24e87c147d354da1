"""The rules of a switch."""

from __future__ import annotations

from confiture.model import Target
from confiture.protocols import Context, Switch
from confiture.testing.rules import expect, expect_async, run_rules

__all__ = ["check_switch"]

#: Nobody is there who would have to be waited for.
_HOLD_S = 30.0


async def check_switch(ctx: Context, switch: Switch, old: Target, new: Target) -> None:
    """A switch keeps the rules of its kind between two databases that nobody else uses. Raises ``NotConforming``."""
    await run_rules(_RULES, ctx, switch, old, new)


async def _name(ctx: Context, place: Target) -> object:
    async with ctx.connect(place) as connection:
        return await connection.fetchval("SELECT oid FROM pg_database WHERE datname = current_database()")


async def finds_nothing_in_the_way(ctx: Context, switch: Switch, old: Target, new: Target) -> None:
    """The preflight is asked before anything is done, and finds nothing wrong here."""
    expect_async(switch, "preflight", "hold", "switch", "release")
    found = await switch.preflight(ctx, old, new)
    expect(all(finding.level != "error" for finding in found), f"it finds {found!r}")


async def lets_go_of_what_was_given_up(ctx: Context, switch: Switch, old: Target, new: Target) -> None:
    """What waits goes on where nothing is switched, however often it is said."""
    before = await _name(ctx, old), await _name(ctx, new)
    await switch.hold(ctx, old, new, timeout_s=_HOLD_S)
    await switch.release(ctx, old, new)
    await switch.release(ctx, old, new)
    expect((await _name(ctx, old), await _name(ctx, new)) == before, "the databases have other names")


async def switches_once(ctx: Context, switch: Switch, old: Target, new: Target) -> None:
    """To switch again, after a crash, changes nothing more; where both are is told right."""
    before = await _name(ctx, old), await _name(ctx, new)
    await switch.hold(ctx, old, new, timeout_s=_HOLD_S)
    first = await switch.switch(ctx, old, new)
    again = await switch.switch(ctx, old, new)
    await switch.release(ctx, old, new)
    expect(first == again, "the second call tells of other places")
    expect((await _name(ctx, first[0]), await _name(ctx, first[1])) == before, "the places that it tells are wrong")


_RULES = (finds_nothing_in_the_way, lets_go_of_what_was_given_up, switches_once)
