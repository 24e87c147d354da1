"""A session on each side, whose queries run at the same time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from confiture.transfer import reading
from confiture.translate import collapse

if TYPE_CHECKING:
    from confiture.protocols import Connection, Context
    from confiture_schema_to_schema.validating.relations import Side
    from confiture_schema_to_schema.values import Sides

__all__ = ["Both", "both_sides"]


class Both:
    """Both sessions, each with one snapshot. They cannot have the same one, only two from the same moment."""

    def __init__(self, source: Connection, target: Connection) -> None:
        self.source = source
        self.target = target

    async def fetch(self, sql: Callable[[Side], str], *values: Any) -> tuple[list[Any], list[Any]]:
        """The rows of either side's query, the source's first."""
        found: dict[Side, list[Any]] = {}

        async def one(side: Side, connection: Connection) -> None:
            found[side] = await connection.fetch(sql(side), *values)

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(one, "source", self.source)
                group.start_soon(one, "target", self.target)
        except BaseExceptionGroup as errors:
            failure = collapse(errors)
        else:
            return found["source"], found["target"]
        raise failure


@asynccontextmanager
async def both_sides(ctx: Context, sides: Sides, settings: Mapping[str, str] | None = None) -> AsyncIterator[Both]:
    """Sessions that only read, with ``settings`` on both sides."""
    async with (
        reading(ctx, sides.source, settings=settings) as source,
        reading(ctx, sides.target, settings=settings) as target,
    ):
        yield Both(source, target)
