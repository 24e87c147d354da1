"""The source ``files``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio.to_thread

from confiture.errors import ConfigError, SourceUnreadable
from confiture.model import SourceFile, WarningRaised
from confiture_files.config import DEFAULT_SEEDS, FilesConfig
from confiture_files.order import alphabetical_key, misread, natural_key
from confiture_files.reading import read_sql
from confiture_files.walk import Found, Walker

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["FilesSource"]


class FilesSource:
    """Loads the ``.sql`` files below the roots of ``[files]``, root by root, sorted within each."""

    async def load(self, ctx: Context, what: str = "", *, order: str = "alphabetical") -> Sequence[SourceFile]:
        """The files in the order in which they run.

        ``what``: ``""`` for the schema's roots, ``"seeds"`` for the seeds' folders, else a folder or a file (write
        ``./seeds`` for a folder of that name). ``order``: ``alphabetical`` by code point, ``natural`` with numbers as
        a person reads them, ``auto`` (alphabetical, and whoever builds sorts the statements). Raises
        ``SourceUnreadable``; finding nothing is an error too, except where the default ``db/seeds`` has nothing.
        Warns where numbers make the alphabetical order differ from what a person reads.
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
        # Reading has no side effect, so a cancelled load need not wait for a slow file system.
        files, warnings = await anyio.to_thread.run_sync(_load, names, config, order, optional, abandon_on_cancel=True)
        for warning in warnings:
            ctx.emit(warning)
        return files


def _load(
    roots: Sequence[tuple[str, str]], config: FilesConfig, order: str, optional: bool
) -> tuple[list[SourceFile], list[WarningRaised]]:
    files: list[SourceFile] = []
    warnings: list[WarningRaised] = []
    seen: dict[str, str] = {}
    for root, shown in roots:
        if optional and not os.path.lexists(root):
            continue
        walker = Walker(config.include, config.exclude)
        found = walker.walk(root, shown)
        if not found and not optional:
            raise _nothing(shown, walker.left_out)
        found.sort(key=lambda file: natural_key(file.parts) if order == "natural" else alphabetical_key(file.parts))
        if order == "alphabetical":
            warnings += _warn(found)
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


def _nothing(shown: str, left_out: int) -> SourceUnreadable:
    looked_for = "looked for files whose names end in .sql, in it and in every folder below"
    if left_out:
        looked_for += f"; {left_out} such files were left out by `include` and `exclude` under [files]"
    return SourceUnreadable("has no SQL file", file=shown, hint=looked_for)


def _warn(found: Sequence[Found]) -> list[WarningRaised]:
    """One warning a root, naming the first pair: a project that does not pad its numbers has many."""
    pairs = misread([file.parts for file in found])
    if not pairs:
        return []
    shown = {file.parts: file.shown for file in found}
    first, second = (shown[parts] for parts in pairs[0])
    more = f" (and {len(pairs) - 1} more such pairs)" if len(pairs) > 1 else ""
    return [
        WarningRaised(
            message=f"{first!r} runs before {second!r}: names are compared letter by letter, not as numbers{more}",
            hint="write the numbers with equally many digits, or build with --order natural",
        )
    ]
