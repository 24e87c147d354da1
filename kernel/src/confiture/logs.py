"""Events as structlog lines."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from confiture.model import Event

__all__ = ["log_observer"]


def log_observer() -> Callable[[Event], None]:
    """An observer that logs every event to stderr: key-value lines on a terminal, JSON lines elsewhere."""
    import msgspec
    import structlog

    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    )
    logger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
    )

    def observe(event: Event) -> None:
        fields = msgspec.to_builtins(event)
        name = fields.pop("event")
        level = "warning" if name == "WarningRaised" else "info"
        getattr(logger, level)(name, **fields)

    return observe
