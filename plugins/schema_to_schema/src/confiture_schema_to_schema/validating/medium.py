"""The medium ``schema-to-schema-validate``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from confiture.errors import CaptureBroken, Refused
from confiture.sides import shown_side
from confiture.transfer import reading
from confiture_schema_to_schema.checking import refuse
from confiture_schema_to_schema.configuring import SECTION, SchemaToSchemaConfig
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.mapping import read_map
from confiture_schema_to_schema.model import ValidateReport, ValidateRequest
from confiture_schema_to_schema.opening import compiled
from confiture_schema_to_schema.sides import find_sides
from confiture_schema_to_schema.validating.recording import validations_of
from confiture_schema_to_schema.validating.tables import validate_tables

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.validating.rechecking import Newer
    from confiture_schema_to_schema.values import Sides

__all__ = ["ValidateMedium"]

_DIFFERS: Final = 7


class ValidateMedium:
    """Reads both sides, and writes nothing but what it found out. One instance may serve several runs."""

    request_type: type[ValidateRequest] = ValidateRequest

    async def run(self, ctx: Context, request: ValidateRequest) -> ValidateReport:
        """Compare, by the map of the request, else that of the last migration into the target.

        Raises ``ConfigError`` for a map that means nothing, ``Refused`` where it does not fit the two databases.
        """
        started = time.monotonic()
        sides = await find_sides(ctx, request)
        async with reading(ctx, sides.target) as connection:
            last = await state_of(ctx).latest(connection)
        map_ = read_map(ctx, request.mapping or (last.mapping if last else None))
        tables = request.tables or (last.tables if last else ())
        job, findings = await compiled(ctx, sides, sides.target, map_, strategy="", tables=tables, run_id=ctx.run_id)
        refuse(findings)
        if not job.tables:
            raise Refused(
                f"there is no table to compare: nothing of {shown_side(sides.source)!r} goes into "
                f"{shown_side(sides.target)!r}",
                hint="name the two databases with --from and --to, and the map with --mapping",
            )
        jobs = request.jobs or ctx.settings(SECTION, SchemaToSchemaConfig).jobs
        newer = await _newer(ctx, sides, request.mapping)
        validated = await validate_tables(ctx, job, jobs=jobs, max_keys=request.max_keys, newer=newer)
        if last is not None and last.finished is not None and not request.tables:
            async with ctx.connect(sides.target) as connection:
                await validations_of(ctx).add(connection, last.run_id, job, validated, time.monotonic() - started)
        return ValidateReport(
            source=shown_side(sides.source),
            target=shown_side(sides.target),
            tables=validated,
            seconds=time.monotonic() - started,
            exit_code=0 if all(table.ok for table in validated) else _DIFFERS,
        )


async def _newer(ctx: Context, sides: Sides, mapping: str | None) -> Newer | None:
    """What has yet to be brought over, where changes of the old database are captured."""
    from confiture_schema_to_schema.crossing.pending import newer_of
    from confiture_schema_to_schema.following import reopened

    try:
        found = await reopened(ctx, sides, mapping)
    except (Refused, CaptureBroken):
        return None  # nothing is, or nobody could bring it over: then a row that differs does
    return newer_of(ctx, found.job, found.watch)
