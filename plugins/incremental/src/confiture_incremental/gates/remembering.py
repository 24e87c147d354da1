"""Keeps how a run left the schema, so that the next one can tell what others have changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confiture_incremental.deployment import Deployment

__all__ = ["remember"]


async def remember(deployment: Deployment) -> None:
    """Store the schema as it is now."""
