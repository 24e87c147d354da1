"""Every column of a table that is copied is masked, kept with a reason, or does not look personal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from confiture.masking import Rule
from confiture_sync.model import Finding
from confiture_sync.values import Catalog, Job, Selected

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["check_coverage"]


async def check_coverage(
    ctx: Context, job: Job, catalog: Catalog, selected: Selected, rules: Mapping[str, Mapping[str, Rule]]
) -> Sequence[Finding]:
    """What looks personal, and what becomes of it. Raises ``Refused`` for what nobody has decided about."""
    return ()
