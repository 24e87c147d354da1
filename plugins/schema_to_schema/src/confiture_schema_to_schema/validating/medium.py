"""The medium ``schema-to-schema-validate``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from confiture.errors import CaptureBroken, DatabaseNotFound, Refused, UsageError
from confiture.sides import shown_side
from confiture.transfer import reading
from confiture_schema_to_schema.checking import refuse
from confiture_schema_to_schema.compiling.naming import find_table
from confiture_schema_to_schema.configuring import SECTION, SchemaToSchemaConfig
from confiture_schema_to_schema.copying.state import state_of
from confiture_schema_to_schema.mapping import read_map
from confiture_schema_to_schema.model import ValidateReport, ValidateRequest
from confiture_schema_to_schema.opening import compiled
from confiture_schema_to_schema.sides import find_sides
from confiture_schema_to_schema.validating.rechecking import Newer
from confiture_schema_to_schema.validating.recording import validations_of
from confiture_schema_to_schema.validating.tables import validate_tables
from confiture_schema_to_schema.values import Job

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_schema_to_schema.copying.records import RunRecord
    from confiture_schema_to_schema.values import Sides

__all__ = ["ValidateMedium"]

_DIFFERS: Final = 7


class ValidateMedium:
    """Reads both sides, and writes nothing but what it found out. One instance may serve several runs."""

    request_type: type[ValidateRequest] = ValidateRequest

    async def run(self, ctx: Context, request: ValidateRequest) -> ValidateReport:
        """Compare, by the map of the request, else that of the last migration into the target.

        Where the new database is the live one, it is the old one that is compared with what the map, read backwards,
        gives. Raises ``ConfigError`` for a map that means nothing, ``Refused`` where it does not fit the two databases.
        """
        from confiture_schema_to_schema.crossing.places import live_side, locate

        started = time.monotonic()
        sides = await locate(ctx, await find_sides(ctx, request))
        try:
            async with reading(ctx, sides.target) as connection:
                last = await state_of(ctx).latest(connection)
        except DatabaseNotFound as error:
            error.hint = "a migration makes it: `confiture migrate schema-to-schema start`"
            raise
        truth = await live_side(ctx, sides)
        opening = _there(ctx, sides, request, last) if truth == "old" else _back(ctx, sides, request)
        job, newer, not_compared = await opening
        jobs = request.jobs or ctx.settings(SECTION, SchemaToSchemaConfig).jobs
        validated = await validate_tables(ctx, job, jobs=jobs, max_keys=request.max_keys, newer=newer)
        if last is not None and last.finished is not None and not request.tables:
            async with ctx.connect(sides.target) as connection:
                await validations_of(ctx).add(connection, last.run_id, job, validated, time.monotonic() - started)
        return ValidateReport(
            source=shown_side(sides.source),
            target=shown_side(sides.target),
            truth=truth,
            tables=validated,
            not_compared=not_compared,
            seconds=time.monotonic() - started,
            exit_code=0 if all(table.ok for table in validated) else _DIFFERS,
        )


_Opened: TypeAlias = tuple[Job, Newer | None, tuple[str, ...]]


async def _there(ctx: Context, sides: Sides, request: ValidateRequest, last: RunRecord | None) -> _Opened:
    """From the old database to the new one."""
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
    return job, await _newer(ctx, sides, request.mapping), ()


async def _back(ctx: Context, sides: Sides, request: ValidateRequest) -> _Opened:
    """From the new database, which is the live one, to the old one."""
    from confiture_schema_to_schema.crossing.opening import find_run, open_way
    from confiture_schema_to_schema.crossing.pending import newer_of

    way = await open_way(ctx, sides, await find_run(ctx, sides), request.mapping, "rollback")
    job, tables = way.job, way.job.tables
    if request.tables:
        named = [_named(job, name) for name in request.tables]
        tables = tuple(
            table
            for table in tables
            if any(table.label in labels or labels & {part.source for part in table.parts} for labels in named)
        )
    if not tables:
        raise Refused(
            f"there is no table to compare: {shown_side(sides.target)!r} is the live database, and nothing of that "
            f"leads back to {shown_side(sides.source)!r}",
            hint="`confiture migrate schema-to-schema plan` says what cannot be brought back",
        )
    lost = tuple(table.label for table in way.losses.tables) if way.losses is not None else ()
    return msgspec.structs.replace(job, tables=tables), newer_of(ctx, job, way.watch), lost


def _named(job: Job, name: str) -> frozenset[str]:
    """Labels of the tables of either side that go by that name. Raises ``UsageError`` where none does."""
    found = [table.label for each in (job.old, job.new) if (table := find_table(each, name)) is not None]
    if not found:
        raise UsageError(f"there is no table {name!r} on either side", hint="see `validate` without a table")
    return frozenset(found)


async def _newer(ctx: Context, sides: Sides, mapping: str | None) -> Newer | None:
    """What has yet to be brought over, where changes of the old database are captured."""
    from confiture_schema_to_schema.crossing.pending import newer_of
    from confiture_schema_to_schema.following import reopened

    try:
        found = await reopened(ctx, sides, mapping)
    except (Refused, CaptureBroken):
        return None  # nothing is, or nobody could bring it over: then a row that differs does
    return newer_of(ctx, found.job, found.watch)
