"""The medium ``init``: a project's files, from templates or from a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio.to_thread

from confiture_init.model import InitReport, InitRequest
from confiture_init.writing import absolute, write_project

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["InitMedium"]


class InitMedium:
    """Makes projects. One instance may serve several runs."""

    request_type: type[InitRequest] = InitRequest

    async def run(self, ctx: Context, request: InitRequest) -> InitReport:
        """Make what ``request`` asks for. No file that is there is overwritten.

        Raises ``PermissionMissing`` and ``SourceUnreadable`` for a folder that cannot be written. With
        ``from_database`` also ``Refused`` for a schema that is there already, for a database without any, and for
        objects that confiture does not know; ``ProofFailed`` where a build of the files would not give the same
        database. Then no file is written.
        """
        root = ctx.project.root if request.folder is None else absolute(ctx.project.root / request.folder)
        if request.from_database:
            from confiture_init.adopting import adopt

            return await adopt(ctx, root, request.name)
        return await anyio.to_thread.run_sync(write_project, root, request.name)
