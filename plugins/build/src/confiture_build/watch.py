"""``confiture build --watch``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import ConfitureError
from confiture.hooks import MEDIUM
from confiture_build.medium import database_names
from confiture_build.model import BuildReport, BuildRequest
from confiture_build.sources import Sources, load_sources

if TYPE_CHECKING:
    from pathlib import Path

    from confiture.cli.shell import Shell
    from confiture.protocols import Context

__all__ = ["rebuild_on_change"]

#: How often the watcher yields where nothing changes.
_WAKE_UP_MS = 300


async def rebuild_on_change(
    run: Context, shell: Shell, request: BuildRequest, show: Callable[[BuildReport], None], *, yes: bool
) -> None:
    """Build, and build again after each change below the sources' folders, replacing, until interrupted.

    What fails is shown, the old database stays, and the next change is waited for.
    """
    from watchfiles import awatch

    names = database_names(await run.target(), request.databases)
    listed = ", ".join(repr(name) for name in names)
    shell.confirm(
        f"Replace {listed} now and at every change? All of the data is lost each time.",
        yes=yes,
        instead=f"--watch replaces {listed} now and at every change",
    )
    before = await load_sources(run, "alphabetical", seeds=True)
    again = msgspec.structs.replace(request, recreate=True)
    show(await run.get(MEDIUM, "build").run(run, again))
    folders = _folders(run, before)
    watching = False
    # The first yield, empty or not, says that the watcher is in place: what changed before it is looked for then.
    async for changes in awatch(*folders, watch_filter=_is_sql, yield_on_timeout=True, rust_timeout=_WAKE_UP_MS):
        changed = bool(changes)
        if not watching:
            watching = True
            changed = changed or await load_sources(run, "alphabetical", seeds=True) != before
            shell.note(f"watching {', '.join(run.project.shown(folder) for folder in folders)} (Ctrl-C ends)")
        if not changed:
            continue
        try:
            show(await run.get(MEDIUM, "build").run(run, again))
        except ConfitureError as error:
            from confiture.cli.render import render_error

            render_error(error, shell)


def _is_sql(_: object, path: str) -> bool:
    return path.lower().endswith(".sql")


def _folders(run: Context, sources: Sources) -> list[Path]:
    """The topmost folders that hold sources, so that new files and folders below are seen too."""
    parents = {(run.project.root / file.path).parent for file in (*sources.schema, *sources.seeds)}
    below_db = run.project.root / "db"
    if any(below_db in (parent, *parent.parents) for parent in parents):
        parents = {parent for parent in parents if below_db not in (parent, *parent.parents)}
        parents |= {folder for name in ("schema", "seeds") if (folder := below_db / name).is_dir()}
    return sorted(parent for parent in parents if not any(other in parent.parents for other in parents))
