"""The switch ``rename``: within one server the new database takes over the old one's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.errors import PermissionMissing, Refused
from confiture_rename.asking import Facts, ask
from confiture_rename.config import SECTION, RenameConfig
from confiture_rename.naming import left_name
from confiture_rename.renaming import rename

if TYPE_CHECKING:
    from confiture.model import CaptureFinding, Target
    from confiture.protocols import Context

__all__ = ["RenameSwitch"]


class RenameSwitch:
    """A :class:`confiture.protocols.Switch`: ``old`` becomes ``<name>_old``, and ``new`` gets its name.

    What is done is told from the names alone: both change in one transaction. So a name that is to be given must be
    free, and where the databases are told to be elsewhere, nothing is guessed.
    """

    async def preflight(self, ctx: Context, old: Target, new: Target) -> Sequence[CaptureFinding]:
        """Servers, names, privileges, and who is connected. Nothing is changed."""
        from confiture_rename.preflight import findings

        return await findings(ctx, old, new, _left(ctx, old, new))

    async def hold(self, ctx: Context, old: Target, new: Target, *, timeout_s: float) -> None:
        """Nothing: a server cannot have its clients wait. Those that come during the renaming wait for its end."""

    async def switch(self, ctx: Context, old: Target, new: Target) -> tuple[Target, Target]:
        """End the sessions of both, and rename both in one transaction. Raises ``Busy``, ``Refused``."""
        left = _left(ctx, old, new)
        facts = await ask(ctx, old, old.database, new.database, left)
        if facts.identifier != (await ask(ctx, new)).identifier:
            raise Refused(
                f"{old.database!r} and {new.database!r} are not on one server",
                hint="use the switch 'pgbouncer' or 'command'",
            )
        after = old.with_database(left), new.with_database(old.database)
        if facts.names == {old.database, left}:
            return after
        if facts.names != {old.database, new.database}:
            raise Refused(
                f"of the databases {old.database!r}, {new.database!r} and {left!r}, the first two exist before a "
                f"switch and the first and last after it; there: {', '.join(map(repr, sorted(facts.names))) or 'none'}",
                hint=f"give them the names {old.database!r} and {new.database!r}, which they had before",
            )
        await rename(ctx, await _able(ctx, old, new, facts), ((old.database, left), (new.database, old.database)))
        return after

    async def release(self, ctx: Context, old: Target, new: Target) -> None:
        """Nothing: nobody was held."""


def _left(ctx: Context, old: Target, new: Target) -> str:
    return left_name(old.database, new.database, ctx.settings(SECTION, RenameConfig).suffix)


async def _able(ctx: Context, old: Target, new: Target, facts: Facts) -> Target:
    """The one whose role may rename both."""
    if facts.able:
        return old
    if (await ask(ctx, new, old.database, new.database)).able:
        return new
    raise PermissionMissing(
        f"neither role may rename {old.database!r} and {new.database!r}",
        hint="one of them must own both databases and have CREATEDB",
    )
