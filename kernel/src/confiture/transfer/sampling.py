"""How fast an engine moves a task's own rows: some of them are moved for real, and taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import anyio
import msgspec

from confiture.model import Mask, Statement, TransferTask
from confiture.quoting import quote_ident
from confiture.transfer.keeping import keep_connections

if TYPE_CHECKING:
    from confiture.protocols import Context, TransferEngine

__all__ = ["Sample", "timed_sample"]

_TABLE: Final = "pg_temp.confiture_sample"
#: A run that takes this long tells more of the rows than of what each transfer costs, some ten milliseconds.
_LONG_ENOUGH_S: Final = 0.15
#: What the next run is to take. Shorter ones come before it, so that all of them together stay below a second.
_AIM_S: Final = 0.3
_MOST_TIMES: Final = 16
#: Not more than three quarters of a run are taken for its beginning and end.
_MOST_OF_IT: Final = 4
#: One row first, since nobody knows how wide it is. Where it takes so long, that is the row, and enough of a sample.
_WIDE_S: Final = 0.75


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """What was moved in ``seconds``, less what the engine needs for a single row; ``bytes`` as they travel."""

    rows: int
    bytes: int
    seconds: float

    @property
    def rows_per_second(self) -> float:
        """The rate."""
        return self.rows / max(self.seconds, 1e-6)

    @property
    def bytes_per_second(self) -> float:
        """The rate, in bytes as they travel."""
        return self.bytes / max(self.seconds, 1e-6)


async def timed_sample(
    ctx: Context,
    engine: TransferEngine,
    task: TransferTask,
    *,
    rows: int,
    masks: Sequence[Mask] = (),
    within_s: float = 3.0,
) -> Sample | None:
    """Move the first rows of a task, no more than ``rows``, and roll them back. Nothing is left on either side.

    They go into a temporary table with the columns of the target's, without its indexes, constraints and triggers. More
    and more of them, until a run takes 0.15 s, or all rows are there; then once more, which counts: engines that are
    compared must all find the rows in the caches. What takes longer than ``within_s`` altogether is cancelled: a query
    that sorts all rows before it gives the first. None where too few were moved by then to tell, or there is no row.

    Raises what the engine does.
    """
    query = task.query.rstrip().rstrip(";")
    columns = ", ".join(map(quote_ident, task.columns))
    # Not LIKE: that has NOT NULL of columns that the query does not fill, and defaults that count a sequence on.
    made = f"CREATE TEMPORARY TABLE confiture_sample ON COMMIT DROP AS SELECT {columns} FROM {task.table} WITH NO DATA"

    async def run(kept: Context, limit: int) -> Sample:
        part = msgspec.structs.replace(
            task,
            table=_TABLE,
            query=f"SELECT * FROM (\n{query}\n) AS confiture_sample LIMIT {limit}",
            estimated_rows=limit,
            before=(Statement(sql=made, kind="CreateTableAsStmt"),),
            after=(),
            rollback=True,
            freeze=False,
            bytes_per_second=None,
            step="",
        )
        report = await engine.transfer(kept, part, masks)
        return Sample(rows=report.rows, bytes=report.bytes, seconds=report.seconds)

    found: Sample | None = None
    with anyio.move_on_after(within_s):
        async with keep_connections(ctx) as kept:
            await run(kept, 1)
            first = await run(kept, 1)
            if not first.rows or rows == 1 or first.seconds >= _WIDE_S:
                return first if first.rows else None
            limit, last = 1, Sample(rows=1, bytes=0, seconds=0.0)
            while last.seconds < _LONG_ENOUGH_S and last.rows == limit and limit < rows:
                limit = min(rows, limit * _times(last.seconds))
                last = _less(await run(kept, limit), first)
            found = last
            found = _less(await run(kept, limit), first)
    return found


def _less(sample: Sample, first: Sample) -> Sample:
    """Without what a transfer costs, however many rows it moves: all but nothing of the chunks that are to come."""
    seconds = max(sample.seconds - first.seconds, sample.seconds / _MOST_OF_IT)
    return msgspec.structs.replace(sample, seconds=seconds)


def _times(seconds: float) -> int:
    """How many times as many rows are to be moved after a run of so many seconds."""
    return max(2, min(_MOST_TIMES, int(_AIM_S / max(seconds, 1e-6))))
