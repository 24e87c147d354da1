"""The rows, in chunks whose state is committed with them on the target; pause, throttle, resume."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from confiture_schema_to_schema.copying.reporting import Copied
from confiture_schema_to_schema.copying.running import find_run, running
from confiture_schema_to_schema.copying.source import refuse_changed_since
from confiture_schema_to_schema.copying.tables import copy_tables

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.values import Sides

__all__ = ["Copied", "Former", "copy_tables", "find_former", "refuse_changed_since", "running"]


class Former(msgspec.Struct, frozen=True, kw_only=True):
    """A migration that the target knows of, and that is not finished: what it was asked for, so that it can be gone on
    with without a flag. ``source``: the old database's identity; ``fingerprints``: its tables' then, by label."""  # noqa: D205, D209

    run_id: str
    strategy: str
    tables: tuple[str, ...]
    mapping: str | None
    source: str
    fingerprints: Mapping[str, str]


async def find_former(ctx: Context, sides: Sides) -> Former | None:
    """The migration into the target that was begun and not finished; None where there is none."""
    run = await find_run(ctx, sides)
    if run is None:
        return None
    return Former(
        run_id=run.run_id,
        strategy=run.strategy,
        tables=run.tables,
        mapping=run.mapping,
        source=run.source,
        fingerprints=run.fingerprints,
    )
