"""What is locked besides the tables' own rows, and what a plan says of disk: sentences for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from confiture.cli.units import many, size, span
from confiture_schema_to_schema.model import Finding

if TYPE_CHECKING:
    from confiture_schema_to_schema.model import PlannedTable
    from confiture_schema_to_schema.planning.estimating import Estimate
    from confiture_schema_to_schema.planning.tables import Times
    from confiture_schema_to_schema.values import Job

__all__ = ["disk_bytes", "disk_findings", "locks_of"]

#: Below that nobody asks where it is.
_WORTH_TELLING: Final = 100_000_000


def locks_of(
    job: Job, tables: Sequence[PlannedTable], times: Times, capturing: Sequence[Finding] = ()
) -> tuple[str, ...]:
    """Who waits for what, and for how long, beside what each table says of its own rows.

    ``capturing``: what the capture says of it.
    """
    first = [f"source: {finding.message}" for finding in capturing]
    return (*first, *_snapshots(tables), *_staging(job, times))


def _snapshots(tables: Sequence[PlannedTable]) -> list[str]:
    told: list[str] = []
    cut = [table for table in tables if table.snapshot == "per chunk"]
    if cut:
        longest = [table.seconds / table.chunks for table in cut if table.seconds is not None]
        held = f", some {span(max(longest))} at most" if longest else ""
        told.append(
            f"source: one snapshot for each chunk, held while that is read{held}: VACUUM removes no row that it sees"
        )
    for table in tables:
        if table.snapshot == "one":
            held = f", some {span(table.seconds)}" if table.seconds is not None else ""
            told.append(
                f"source: one snapshot for all of {table.source}, which has no key to cut it by, held until it is "
                f"copied{held}: VACUUM removes no row that it sees"
            )
    return told


def _staging(job: Job, times: Times) -> list[str]:
    told = [
        f"target: ACCESS EXCLUSIVE on {many(len(job.tables), 'table')} for a moment before the copy, while foreign "
        "keys, indexes and triggers are taken off: who uses one is waited for some seconds, and then named",
        "target: ACCESS EXCLUSIVE on a table that is copied in one chunk, until its rows are committed: it is emptied "
        "first, so that they can be written as if they were old; reads wait",
        f"target: SHARE on a table while its indexes are built, after its copy, some {span(times.indexing)} for all: "
        "reads go on, writes wait",
    ]
    keys = sum(len(table.table.foreign_keys) for table in job.tables)
    if keys:
        told.append(
            f"target: SHARE ROW EXCLUSIVE on both tables of {many(keys, 'foreign key')} for a moment, while each is "
            f"added NOT VALID; then SHARE UPDATE EXCLUSIVE while it is validated, some {span(times.validating)} for "
            "all: reads and writes go on"
        )
    return told


def disk_bytes(estimates: Mapping[int, Estimate]) -> int:
    """What the new database's tables and indexes will take."""
    return sum(estimate.table_bytes + estimate.index_bytes for estimate in estimates.values())


def disk_findings(needed: int, max_wal_size: str | None) -> tuple[Finding, ...]:
    """What comes on top of it. ``max_wal_size``: the new database's server's; None where that was not asked."""
    if needed < _WORTH_TELLING:
        return ()
    kept = f"max_wal_size, {max_wal_size}," if max_wal_size else "max_wal_size"
    return (
        Finding(
            level="note",
            check="disk",
            table="",
            message=f"the new database will take some {size(needed)}; its server writes about as much of WAL, and "
            f"keeps {kept} of that, and all that an archive or a replica has not yet taken",
            hint="see that the disk has room for both",
        ),
    )
