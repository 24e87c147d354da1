"""The source ``files``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio.to_thread

from confiture.errors import ConfigError, SourceUnreadable
from confiture.model import SourceFile, WarningRaised
from confiture.sqlfiles.config import DEFAULT_SEEDS, FilesConfig
from confiture.sqlfiles.order import alphabetical_key, natural_key
from confiture.sqlfiles.rules import no_file, warn_of_order
from confiture_files.reading import read_sql
from confiture_files.walk import Walker

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["FilesSource"]

_MISSING_ROOT = "make the folder, or name the right ones: `roots` or `seeds` under [files] in confiture.toml"
_MISSING_PATH = "give the path of a folder or a file, absolute or relative to the project"


class FilesSource:
    """Loads the ``.sql`` files below the roots of ``[files]``, root by root, sorted within each."""

    async def load(self, ctx: Context, what: str = "", *, order: str = "alphabetical") -> Sequence[SourceFile]:
        """The files in the order in which they run.

        ``what``: ``""`` for the schema's roots, ``"seeds"`` for the seeds' folders, else a folder, or a file of any
        name, wherever it is: absolute, or relative to the project (``./seeds`` for a folder of that name).
        ``order``: ``alphabetical`` by code point, ``natural`` with numbers as a person reads them, ``auto``
        (alphabetical, and whoever builds sorts the statements).

        Raises ``SourceUnreadable``; finding nothing is an error too, except where the default ``db/seeds`` has
        nothing. Warns where numbers make the alphabetical order differ from what a person reads.
        """
        config = ctx.settings("files", FilesConfig)
        if what == "seeds":
            roots, optional = config.seeds or DEFAULT_SEEDS, config.seeds is None
        else:
            roots, optional = (what,) if what else config.roots, False
            if not roots:
                raise ConfigError("'files.roots' names no folder", file="confiture.toml", hint='roots = ["db/schema"]')
        project = str(ctx.project.root.absolute())
        names = [(os.path.join(project, root), ctx.project.shown(ctx.project.root / root)) for root in roots]  # noqa: PTH118
        hint = _MISSING_PATH if what not in ("", "seeds") else _MISSING_ROOT
        # Reading has no side effect, so a cancelled load need not wait for a slow file system.
        files, warnings = await anyio.to_thread.run_sync(
            _load, names, config, order, optional, hint, abandon_on_cancel=True
        )
        for warning in warnings:
            ctx.emit(warning)
        return files


def _load(
    roots: Sequence[tuple[str, str]], config: FilesConfig, order: str, optional: bool, hint: str
) -> tuple[list[SourceFile], list[WarningRaised]]:
    files: list[SourceFile] = []
    warnings: list[WarningRaised] = []
    seen: dict[str, str] = {}
    for root, shown in roots:
        if optional and not os.path.lexists(root):
            continue
        walker = Walker(config.include, config.exclude)
        found = walker.walk(root, shown, hint)
        if not found and not optional:
            raise no_file(shown, walker.left_out)
        found.sort(key=lambda file: natural_key(file.parts) if order == "natural" else alphabetical_key(file.parts))
        if order == "alphabetical":
            warnings += warn_of_order({file.parts: file.shown for file in found})
        for file in found:
            if file.real in seen:
                raise SourceUnreadable(
                    f"is the same file as {seen[file.real]!r}: its statements would run twice",
                    file=file.shown,
                    hint="remove the link, exclude one of the two, or take the overlapping root away",
                )
            seen[file.real] = file.shown
            files.append(SourceFile(file.shown, read_sql(file.path, file.shown)))
    return files, warnings
