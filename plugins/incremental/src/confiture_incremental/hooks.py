"""What is run before and after ``up``: files of SQL or Python, and the seeds of a new database."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import anyio
import msgspec

from confiture.config.project import ProjectConfig
from confiture.errors import ConfigError, ConfitureError, SourceError
from confiture.hooks import SOURCE
from confiture.model import Note, Plan, SourceFile
from confiture.sql import read_script
from confiture.sqlfiles.decoding import decode_sql
from confiture_incremental.segments import cut

if TYPE_CHECKING:
    from confiture_incremental.deployment import Deployment
    from confiture_incremental.recorded import Recorded

__all__ = ["load_seeds", "run_hooks"]


async def run_hooks(deployment: Deployment, when: Literal["before_up", "after_up"]) -> None:
    """Run the files of ``[incremental] before_up`` or ``after_up``, in their order.

    An SQL file is run as a migration is. A Python file has ``async def run(ctx, connection)``, called with the
    session that migrations run on. Raises ``ConfigError`` for a file that is missing or neither.
    """
    for name in getattr(deployment.config, when):
        path = deployment.ctx.project.root / name
        if path.suffix not in (".sql", ".py") or not path.is_file():
            raise ConfigError(
                f"incremental.{when}: {name!r} is no file of SQL or Python",
                hint="a path from the project's root, such as db/hooks/refresh.sql",
            )
        deployment.ctx.emit(Note(message=f"{when}: {name}"))
        if path.suffix == ".sql":
            await _run_plan(
                deployment, read_script([SourceFile(name, decode_sql(path.read_bytes(), name))], migration=True)
            )
        else:
            await _run_python(deployment, path, name)


async def load_seeds(deployment: Deployment, recorded: Sequence[Recorded]) -> None:
    """Load the project's seeds where ``[incremental] seeds = "empty"`` and these were the first migrations of all."""
    if deployment.config.seeds != "empty" or len(recorded) < len(deployment.history.applied):
        return
    if any(event.direction == "down" for event in deployment.history.events):
        return  # it was not new
    ctx = deployment.ctx
    source = ctx.get(SOURCE, ctx.settings("project", ProjectConfig).source)
    seeds = await source.load(ctx, "seeds")
    if seeds:
        await _run_plan(deployment, read_script(seeds))
        ctx.emit(Note(message=f"{len(seeds)} files of seeds were loaded"))


async def _run_plan(deployment: Deployment, plan: Plan) -> None:
    for segment in cut(plan.statements):
        part = msgspec.structs.replace(plan, statements=plan.statements[segment.first : segment.last])
        execution = msgspec.structs.replace(deployment.execution, atomic=segment.transactional)
        await deployment.run(part, execution)


async def _run_python(deployment: Deployment, path: Path, name: str) -> None:
    scope: dict[str, Any] = {"__name__": "_hook", "__file__": str(path)}
    try:
        code = compile(await anyio.Path(path).read_text(encoding="utf-8"), str(path), "exec")
        exec(code, scope)  # noqa: S102 - the user's own program
        function = scope.get("run")
        if not inspect.iscoroutinefunction(function):
            raise SourceError("has no `async def run(ctx, connection)`", file=name)
        await function(deployment.ctx, deployment.connection)
    except ConfitureError:
        raise
    except Exception as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        raise SourceError(f"raised {type(error).__name__}: {error}", file=name, line=line) from error
