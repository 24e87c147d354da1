"""The target is not the source, and may be written to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context
    from confiture_sync.configuring import SyncFile
    from confiture_sync.model import SyncRequest

__all__ = ["check_sides"]


async def check_sides(ctx: Context, source: Target, target: Target, request: SyncRequest, file: SyncFile) -> None:
    """Raises ``Refused`` where both are one database, or the target is protected, or remote without an allowance."""
