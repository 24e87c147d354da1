"""What a broken capture means for a migration: a provider knows no more than that it has lost changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from confiture.errors import CaptureBroken
from confiture.sides import shown_side

if TYPE_CHECKING:
    from confiture_schema_to_schema.capturing.values import Watch
    from confiture_schema_to_schema.values import Job

__all__ = ["explained"]


@contextmanager
def explained(job: Job, watch: Watch) -> Iterator[None]:
    """Has ``CaptureBroken`` say what to do: nobody goes on by changes of which some may be missing."""
    try:
        yield
    except CaptureBroken as error:
        raise CaptureBroken(error.message, hint=_hint(job, watch), partitions=error.partitions) from error


def _hint(job: Job, watch: Watch) -> str:
    if watch.back:
        return (
            f"{shown_side(job.sides.source)!r} stays the live database: what was written to it cannot all be brought "
            "back any more; `confiture migrate schema-to-schema cleanup` ends the migration"
        )
    return (
        f"all rows have to be copied anew: `confiture migrate schema-to-schema cleanup`, drop the database "
        f"{job.sides.target.database!r}, and begin anew: `confiture migrate schema-to-schema start`"
    )
