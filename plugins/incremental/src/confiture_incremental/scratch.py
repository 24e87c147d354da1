"""Scratch databases that migrations are run on, by the same code as on a database in use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from confiture.config.project import ScratchConfig
from confiture.errors import FeatureMissing
from confiture.hooks import SERVER
from confiture.model import Execution, ExecutionReport, Origin, Plan, Target
from confiture.sql import extensions_named, features_named
from confiture.sql.scratch import fit_for_scratch
from confiture_incremental.deployment import Deployment

if TYPE_CHECKING:
    from confiture.protocols import Context
    from confiture_incremental.model import IncrementalConfig

__all__ = ["ScratchDeployment", "open_scratch"]

#: Nobody else is there: whatever waits or runs for so long hangs.
_LOCK_TIMEOUT_S = 30.0
_STATEMENT_TIMEOUT_S = 600.0


class ScratchDeployment(Deployment):
    """A scratch database with a history of its own. Roles that it lacks are made, without login.

    ``left_out`` names what belongs to a server, and was not run.
    """

    def __init__(self, ctx: Context, target: Target, config: IncrementalConfig, stack: AsyncExitStack) -> None:
        super().__init__(ctx, target, config, stack)
        self.left_out: dict[str, None] = {}

    @property
    def execution(self) -> Execution:
        """How statements are run there."""
        return msgspec.structs.replace(
            super().execution,
            create_roles=True,
            lock_timeout_s=_LOCK_TIMEOUT_S,
            statement_timeout_s=_STATEMENT_TIMEOUT_S,
            throttle=0.0,
            max_replica_lag_s=None,
        )

    async def run(self, plan: Plan, execution: Execution | None = None) -> ExecutionReport:
        """Run a plan, without what belongs to a server. Raises ``FeatureMissing`` with the place in the file."""
        fitting = []
        for statement in plan.statements:
            fit, name = fit_for_scratch(statement)
            if fit is None:
                self.left_out[name] = None
            else:
                fitting.append(fit)
        if not fitting:
            return ExecutionReport(statements=0, rows=0, seconds=0.0)
        plan = msgspec.structs.replace(plan, statements=tuple(fitting))
        await self.check_features(plan)
        return await super().run(plan, execution)

    async def check_features(self, plan: Plan) -> None:
        """Raise ``FeatureMissing`` for an extension or option that the scratch server lacks, with its place."""
        features, extensions = dict(features_named(plan)), dict(extensions_named(plan))
        places: dict[str, Origin | None] = {**features, **extensions}
        if not places:
            return
        config = self.ctx.settings("scratch", ScratchConfig)
        server = self.ctx.get(SERVER, "url" if config.url else config.server)
        try:
            await server.check(self.ctx, self.target, tuple(features), tuple(extensions))
        except FeatureMissing as error:
            error.hint = (
                "set [scratch] url to a server that has it, or [embedded] bin_dir to an installed PostgreSQL's programs"
            )
            for name, place in places.items():
                if repr(name) in error.message and place is not None:
                    error.file, error.line, error.column = place.file, place.line, place.column
            raise


@asynccontextmanager
async def open_scratch(ctx: Context, config: IncrementalConfig, label: str) -> AsyncIterator[ScratchDeployment]:
    """An empty scratch database with a tracking table, until the block ends."""
    async with ctx.scratch(label) as target, AsyncExitStack() as stack:
        found = ScratchDeployment(ctx, target, config, stack)
        await found.connect()
        await found.read()
        await found.prepare()
        yield found
