"""What is in the way of a migration, found before a byte moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture_schema_to_schema.model import Finding
from confiture_schema_to_schema.values import Job

if TYPE_CHECKING:
    from confiture.model import Target
    from confiture.protocols import Context

__all__ = ["preflight", "refuse"]


async def preflight(ctx: Context, job: Job, target: Target, *, exists: bool, rows: bool) -> tuple[Finding, ...]:
    """All findings. ``target``: a database with the new schema, the real one where ``exists``.

    ``rows``: look at the mapped rows on the source for those that the new constraints would not take.
    """
    raise NotImplementedError


def refuse(findings: tuple[Finding, ...]) -> None:
    """Raise ``Refused`` that names every error; do nothing where there is none."""
    raise NotImplementedError
