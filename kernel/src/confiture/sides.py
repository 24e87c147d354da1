"""The two databases: an environment's name or a connection string each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.config import Environment
from confiture.errors import UsageError

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["find_side", "shown_side"]


async def find_side(ctx: Context, written: str, option: str) -> Target:
    """The database that ``written`` names: an environment, or a connection string (URI, keywords, ``service=``).

    Raises ``UsageError`` for an empty one, ``UnknownEnvironment`` with the nearest name.
    """
    if not written.strip():
        raise UsageError(f"{option} has an empty value", hint="name an environment, or give a connection string")
    if "://" in written or "=" in written:
        return await ctx.target(Environment(name=option, database_url=written))
    return await ctx.target(written)


def shown_side(target: Target) -> str:
    """How the report names a database: by its environment, else by its own name."""
    return target.database if target.label.startswith("--") else target.label
