"""For scripts without an event loop: synchronous doors to what the kernel does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from confiture.errors import UsageError
from confiture.kernel import Kernel

__all__ = ["SchemaBuilder"]


class SchemaBuilder:
    """Builds a database from the DDL files of a project::

        builder = SchemaBuilder(env="local")
        schema_sql = builder.build()     # the combined SQL, no server needed
        builder.execute()                # a database of that schema, seeds included

    ``project`` is the project's folder (default: looked for from the working folder upwards). Async code awaits
    :meth:`build_async` and :meth:`execute_async` instead.
    """

    def __init__(self, env: str | None = None, *, project: Path | str | None = None) -> None:
        self._env = env
        self._kernel = Kernel(project)

    def build(self) -> str:
        """The combined SQL of the schema. Raises ``SourceError``; ``UsageError`` inside a running event loop."""
        sql: str = _wait(self.build_async, "await builder.build_async()")
        return sql

    def execute(self, **request: Any) -> Any:
        """Build the database; the report. ``request`` takes what ``confiture build`` does, such as ``recreate=True``.

        Raises ``ConfitureError``; ``UsageError`` inside a running event loop.
        """
        return _wait(lambda: self.execute_async(**request), "await builder.execute_async()")

    async def build_async(self) -> str:
        """:meth:`build` for async code."""
        async with self._kernel.run(env=self._env) as run:
            report = await run.start("build", execute=False)
            sql: str = report.sql
            return sql

    async def execute_async(self, **request: Any) -> Any:
        """:meth:`execute` for async code."""
        async with self._kernel.run(env=self._env) as run:
            return await run.start("build", **request)


def _wait(call: Callable[[], Coroutine[Any, Any, Any]], instead: str) -> Any:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(call())
    raise UsageError("an event loop is running here, and this would block it", hint=f"use `{instead}` instead")
