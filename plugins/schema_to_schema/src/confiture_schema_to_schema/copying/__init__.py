"""The rows, in chunks whose state is committed with them on the target; pause, throttle, resume."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from confiture_schema_to_schema.creating import Staging
from confiture_schema_to_schema.model import SchemaToSchemaRequest, TableReport
from confiture_schema_to_schema.values import Job, Sides

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["Copied", "Former", "copy_tables", "find_former", "running"]


class Former(msgspec.Struct, frozen=True, kw_only=True):
    """A migration that the target knows of, and that is not finished: what it was asked for, so that it can be gone on
    with without a flag."""  # noqa: D205, D209

    run_id: str
    strategy: str
    tables: tuple[str, ...]
    mapping: str | None


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What :func:`copy_tables` gives the report."""

    tables: tuple[TableReport, ...]
    snapshot_seconds: float
    whole_snapshots: dict[str, float]


async def find_former(ctx: Context, sides: Sides) -> Former | None:
    """The migration into the target that was begun and not finished; None where there is none."""
    raise NotImplementedError


@asynccontextmanager
async def running(ctx: Context, job: Job, request: SchemaToSchemaRequest) -> AsyncIterator[int]:
    """Write the run's record on the target, and how it ended; the number of this attempt.

    Raises ``Refused`` where a former run was of another map, another source, or of tables that have changed since.
    """
    raise NotImplementedError
    yield  # type: ignore[unreachable]


async def copy_tables(ctx: Context, job: Job, request: SchemaToSchemaRequest, attempt: int, staging: Staging) -> Copied:
    """Copy what is not yet copied, largest first, by several workers; ``staging.finish_table`` after the last chunk."""
    raise NotImplementedError
