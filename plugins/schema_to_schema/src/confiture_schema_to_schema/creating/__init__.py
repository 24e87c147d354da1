"""The new database: made by Medium 1 where it is not there, without what would be in the way of the rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from confiture_schema_to_schema.values import Job, Sides

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["Staging", "create_target", "new_schema", "target_exists"]


async def target_exists(ctx: Context, target: Target) -> bool:
    """Whether the database is there."""
    raise NotImplementedError


@asynccontextmanager
async def new_schema(ctx: Context, sides: Sides) -> AsyncIterator[tuple[Target, bool]]:
    """A database with the new schema, and whether it is the target itself: where that is not there (or has no table),
    a scratch database made from ``db/schema/``."""  # noqa: D205, D209
    raise NotImplementedError
    yield  # type: ignore[unreachable]


async def create_target(ctx: Context, sides: Sides) -> bool:
    """Build the new database from ``db/schema/`` where it is not there, or has no table; whether that was so.

    By the medium ``build``: it appears whole, or not at all.
    """
    raise NotImplementedError


class Staging:
    """What is taken off the target's tables before the rows come, and when it is put back.

    Everything is recorded on the target in the transaction that takes it off: any kill leaves what is to be put back.
    """

    def __init__(self, ctx: Context, job: Job, jobs: int | None) -> None:
        raise NotImplementedError

    async def take_off(self) -> None:
        """Secondary indexes, unique constraints, primary keys of large tables, foreign keys; triggers are disabled.

        Where a former attempt did that already, what it has not yet put back stays off.
        """
        raise NotImplementedError

    async def finish_table(self, label: str) -> None:
        """All rows of the table are there: its primary key, then its other indexes. May run beside copies of others."""
        raise NotImplementedError

    async def finish(self) -> None:
        """All tables: what is left of indexes; foreign keys NOT VALID, then validated; triggers, sequences, ANALYZE.

        Raises ``ExecutionError`` naming what could not be put back, and how many rows are in its way; all the rest is
        back then.
        """
        raise NotImplementedError
