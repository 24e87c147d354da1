"""A run's services for a medium that works on another environment than the run's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from confiture.config import Environment
    from confiture.model import Event, Target
    from confiture.protocols import Context

__all__ = ["in_environment"]


class _Elsewhere:
    """A ``Context`` that is another one, save for its environment, and for that of the mediums that it starts."""

    def __init__(self, ctx: Context, environment: Environment) -> None:
        self._ctx = ctx
        self.environment = environment

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ctx, name)

    def emit(self, event: Event) -> None:
        """See ``Context.emit``."""
        self._ctx.emit(event)

    async def target(self, environment: Environment | str | None = None) -> Target:
        """See ``Context.target``."""
        return await self._ctx.target(self.environment if environment is None else environment)

    async def start(
        self, medium: str, request: Any = None, *, environment: Environment | str | None = None, **values: Any
    ) -> Any:
        """See ``Context.start``."""
        environment = self.environment if environment is None else environment
        return await self._ctx.start(medium, request, environment=environment, **values)


def in_environment(ctx: Context, environment: Environment) -> Context:
    """``ctx``, whose environment is ``environment``; everything else is the same run's."""
    return cast("Context", _Elsewhere(ctx, environment))
