"""The source ``git``."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Sequence
from typing import TYPE_CHECKING

from confiture.errors import ConfigError, SourceUnreadable
from confiture.model import SourceFile
from confiture.registry import closest
from confiture.sqlfiles.config import FilesConfig
from confiture.sqlfiles.decoding import decode_sql
from confiture.sqlfiles.order import alphabetical_key, natural_key
from confiture.sqlfiles.rules import no_file, warn_of_order
from confiture_git.address import Address, parse_address
from confiture_git.command import Repository
from confiture_git.tree import FOLDER, Found, link_refused, parse_entries, select

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["GitSource"]

#: What every version of Git LFS begins its pointers with, and what no SQL begins with.
_LFS = b"version https://git-lfs.github.com/spec/"


class GitSource:
    """Loads the files that make the schema, or any file or folder, as they were committed."""

    async def load(self, ctx: Context, what: str = "", *, order: str = "alphabetical") -> Sequence[SourceFile]:
        """The files in the order in which they run; their paths are ``REVISION:path``.

        ``what`` is a revision (``""`` is ``HEAD``): the project's schema at that time, by ``[files]`` as it says
        today. Or a revision and a path (``v1.2:db/schema``), relative to the project or absolute. ``order`` as for
        files on disk. Raises ``SourceUnreadable``.
        """
        address = parse_address(what)
        config = ctx.settings("files", FilesConfig)
        roots = config.roots if address.path is None else (address.path,)
        if not roots:
            raise ConfigError("'files.roots' names no folder", file="confiture.toml", hint='roots = ["db/schema"]')
        project = str(ctx.project.root)
        repository = await Repository.find(project)
        paths = [_from_top(repository, project, root) for root in roots]
        tree = await _resolve(repository, address)
        entries = parse_entries(await repository.tree(tree, [path for path in paths if path] if all(paths) else []))

        found: list[Found] = []
        for root, path in zip(roots, paths, strict=True):
            named = posixpath.normpath(ctx.project.shown(ctx.project.root / root))
            selection = select(entries, path, address.revision, named, config.include, config.exclude)
            if selection is None:
                raise await _missing(repository, tree, address, path, named)
            await _check_links(repository, tree, selection.links)
            if not selection.files:
                raise no_file(f"{address.revision}:{named}", selection.left_out)
            found += _in_order(ctx, selection.files, order)
        _check_overlap(found)
        contents = await repository.blobs([file.id for file in found])
        return [SourceFile(file.shown, _text(data, file.shown)) for file, data in zip(found, contents, strict=True)]


def _from_top(repository: Repository, project: str, root: str) -> str:
    """The path from the top of the repository, "" for the top itself."""
    # git gives the top with its links resolved. An absolute root may have been written through a link as well.
    folder = os.path.realpath(root) if os.path.isabs(root) else os.path.join(os.path.realpath(project), root)  # noqa: PTH117, PTH118
    path = os.path.relpath(folder, repository.top)
    if path == os.pardir or path.startswith(os.pardir + os.sep):
        raise SourceUnreadable(
            "lies outside of the repository", file=root, hint=f"the repository is {repository.top!r}"
        )
    return "" if path == os.curdir else path


async def _resolve(repository: Repository, address: Address) -> str:
    """The id of the revision's tree. Raises ``SourceUnreadable``."""
    revision = address.revision
    # A line break would begin a second question to git.
    found = None if {"\n", "\0"} & set(revision) else (await repository.types([revision + "^{tree}"]))[0]
    if found is not None:
        return found[0]
    references = await repository.references()
    near = closest(revision, references)
    hint = f"did you mean {near!r}? " if near else ""
    if not references:
        hint += "nothing is committed yet"
    elif await repository.is_shallow():
        hint += "the clone is shallow: `git fetch --unshallow` brings what is older"
    else:
        hint += "`git log --oneline` and `git tag` show what there is; `git fetch` brings what others have"
    raise SourceUnreadable(f"there is no revision {revision!r}, or more than one", hint=hint)


async def _missing(repository: Repository, tree: str, address: Address, path: str, named: str) -> SourceUnreadable:
    """Why the revision has nothing of that path: perhaps a folder above is a link or a submodule."""
    shown = f"{address.revision}:{named}"
    above = path.split("/")[:-1]
    for length in range(1, len(above) + 1):
        folder = "/".join(above[:length])
        entries = parse_entries(await repository.tree(tree, [folder], recursive=False))
        if not entries:
            break
        if entries[0].mode != FOLDER:
            try:
                select(entries, folder, address.revision, folder, (), ())
            except SourceUnreadable as error:
                return error
    hint = "it may have had another name then: `git log --stat` shows renames"
    asked = posixpath.normpath(address.path or ".")
    if path.endswith("/" + asked) and (await repository.types([f"{tree}:{asked}"]))[0] is not None:
        from_project = posixpath.relpath(asked, path.removesuffix("/" + asked))
        hint = f"paths are relative to the project, not to the repository: write {from_project!r}"
    return SourceUnreadable("does not exist at that revision", file=shown, hint=hint)


async def _check_links(repository: Repository, tree: str, links: Sequence[Found]) -> None:
    """Refuse links that may lead to a folder with SQL; one to some other file, such as a README, means nothing."""
    targets = await repository.blobs([link.id for link in links])
    names: list[str] = []
    for link, target in zip(links, targets, strict=True):
        path = posixpath.normpath(posixpath.join(posixpath.dirname(link.path), os.fsdecode(target or b"")))
        if path.startswith(("..", "/")) or "\n" in path:
            raise link_refused(link.shown)
        names.append(f"{tree}:{path}")
    for link, found in zip(links, await repository.types(names), strict=True):
        if found is None or found[1] != "blob":
            raise link_refused(link.shown)


def _in_order(ctx: Context, files: Sequence[Found], order: str) -> list[Found]:
    if order == "natural":
        return sorted(files, key=lambda file: natural_key(file.parts))
    ordered = sorted(files, key=lambda file: alphabetical_key(file.parts))
    if order == "alphabetical":
        for warning in warn_of_order({file.parts: file.shown for file in ordered}):
            ctx.emit(warning)
    return ordered


def _check_overlap(files: Sequence[Found]) -> None:
    seen: dict[str, str] = {}
    for file in files:
        if file.path in seen:
            raise SourceUnreadable(
                f"is the same file as {seen[file.path]!r}: its statements would run twice",
                file=file.shown,
                hint="take the overlapping root away",
            )
        seen[file.path] = file.shown


def _text(data: bytes | None, shown: str) -> str:
    if data is None:
        raise SourceUnreadable(
            "is not in the repository, though the revision names it",
            file=shown,
            hint="a partial clone fetches it: `git fetch`; else `git fsck` says what is broken",
        )
    if data.startswith(_LFS):
        raise SourceUnreadable(
            "is a pointer of Git LFS, not SQL",
            file=shown,
            hint="check the revision out with Git LFS, and name the file or folder there",
        )
    return decode_sql(data, shown)
