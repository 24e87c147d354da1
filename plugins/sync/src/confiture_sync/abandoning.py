"""The medium ``sync-abandon``: a run that was cut is given up, and its target put right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.config.project import MigrationsConfig
from confiture.loading import failed
from confiture.sides import find_side
from confiture.transfer import worker_count
from confiture_sync.abandoning_model import SyncAbandonReport, SyncAbandonRequest
from confiture_sync.load.giving_up import MEND, give_up
from confiture_sync.load.recording import sync_records

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["SyncAbandonMedium"]


class SyncAbandonMedium:
    """Puts back what an unfinished sync took off. One instance may serve several runs."""

    request_type: type[SyncAbandonRequest] = SyncAbandonRequest

    async def run(self, ctx: Context, request: SyncAbandonRequest) -> SyncAbandonReport:
        """End the unfinished run, if there is one.

        Tables that it had not completed are emptied, and those whose rows need them; of a run with ``upsert`` the rows
        stay as they are. Raises ``Busy`` while the run is at work, ``ExecutionError`` naming what could not be put
        back because of rows: the rest is back then, and it may be called again.
        """
        target = await find_side(ctx, request.target, "--to")
        records = sync_records(ctx.settings("migrations", MigrationsConfig).schema)
        async with ctx.lock(target, f"sync {target.database}"):
            given = await give_up(ctx, target, records, worker_count(request.jobs))
        if given is None:
            return SyncAbandonReport(target=target.label)
        if given.failures:
            raise failed(given.failures, target, hint=MEND)
        return SyncAbandonReport(target=target.label, run_id=given.run, emptied=given.emptied, objects=given.objects)
