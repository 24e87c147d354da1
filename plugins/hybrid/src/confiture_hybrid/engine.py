"""The transfer engine ``hybrid``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.model import Mask, TransferReport, TransferTask

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["HybridEngine"]


class HybridEngine:
    """Chooses another engine for each task: by size and mapping, corrected by a timed sample."""

    def accepts(self, task: TransferTask, masks: Sequence[Mask] = ()) -> bool:
        """See ``TransferEngine.accepts``."""
        raise NotImplementedError

    async def transfer(self, ctx: Context, task: TransferTask, masks: Sequence[Mask] = ()) -> TransferReport:
        """Move the rows. See ``TransferEngine.transfer``."""
        raise NotImplementedError
