"""The usual end of what runs until somebody stops it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import anyio

__all__ = ["STOP"]

#: Who follows does it in this scope: to cancel it ends that, and there is a report. Where the caller cancels a scope of
#: his own instead, nothing comes back.
STOP: Final[ContextVar[anyio.CancelScope | None]] = ContextVar("stop", default=None)
