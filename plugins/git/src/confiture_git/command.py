"""Runs the program ``git``: plumbing only, whose output no configuration of the user changes.

Revisions and object names go in through stdin, so that none of them can be taken for an option.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import anyio

from confiture.errors import SourceUnreadable

__all__ = ["Repository"]

#: Set by git for its hooks, and by people: they would point to another repository than the project's, or make git
#: take the folder that it is started in for the top of the working tree.
_LEFT_OUT = frozenset(
    {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_TRACE"}
)
_SETTINGS = {
    "LC_ALL": "C",  # messages are read
    "GIT_TERMINAL_PROMPT": "0",  # a partial clone may fetch what it lacks; nobody is there to type a password
    "GIT_LITERAL_PATHSPECS": "1",  # a path is a path, whatever characters it has
    "GIT_OPTIONAL_LOCKS": "0",
}


class Repository:
    """The repository that a folder is in. ``top`` is its working tree's root."""

    def __init__(self, folder: str, top: str) -> None:
        self._folder = folder
        self.top = top

    @classmethod
    async def find(cls, folder: str) -> Repository:
        """The one that ``folder`` is in. Raises ``SourceUnreadable`` where there is none, or no program ``git``."""
        top = os.fsdecode(await _git(folder, "rev-parse", "--show-toplevel")).removesuffix("\n")
        return cls(folder, top)

    async def types(self, names: Sequence[str]) -> list[tuple[str, str] | None]:
        """The id and the type of each object, None where there is none (or several) of that name."""
        lines = await self._batch("--batch-check", names)
        found = [line.split(b" ") for line in lines.split(b"\n")[: len(names)]]
        return [
            (words[0].decode(), words[1].decode()) if len(words) == 3 and words[2].isdigit() else None
            for words in found
        ]

    async def blobs(self, ids: Sequence[str]) -> list[bytes | None]:
        """The contents of the objects, None where the repository lacks one. One process for all."""
        output = await self._batch("--batch", ids)
        found: list[bytes | None] = []
        start = 0
        for _ in ids:
            end = output.index(b"\n", start)
            header = output[start:end].split(b" ")
            if len(header) == 3:
                size_bytes = int(header[2])
                found.append(output[end + 1 : end + 1 + size_bytes])
                start = end + 1 + size_bytes + 1
            else:
                found.append(None)
                start = end + 1
        return found

    async def tree(self, tree: str, paths: Sequence[str], *, recursive: bool = True) -> bytes:
        """``git ls-tree`` of that tree's id: ``mode type id<TAB>path`` each, separated by NUL, paths from the top."""
        depth = ("-r",) if recursive else ()
        return await _git(self._folder, "ls-tree", *depth, "-z", "--full-tree", tree, "--", *paths)

    async def references(self) -> list[str]:
        """The short names of branches and tags."""
        output = await _git(self._folder, "for-each-ref", "--format=%(refname:short)")
        return output.decode("utf-8", "replace").split()

    async def is_shallow(self) -> bool:
        """Whether its history was cut off by ``git clone --depth``."""
        return (await _git(self._folder, "rev-parse", "--is-shallow-repository")).strip() == b"true"

    async def _batch(self, option: str, names: Sequence[str]) -> bytes:
        if not names:
            return b""
        lines = b"".join(os.fsencode(name) + b"\n" for name in names)
        return await _git(self._folder, "cat-file", option, stdin=lines)


async def _git(folder: str, *arguments: str, stdin: bytes | None = None) -> bytes:
    environment = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT} | _SETTINGS
    try:
        done = await anyio.run_process(
            ["git", "--no-pager", *arguments], cwd=folder, env=environment, input=stdin, check=False
        )
    except (FileNotFoundError, PermissionError) as error:
        raise SourceUnreadable(
            "the program 'git' cannot be run: it is not on the PATH",
            hint="install git, or write the old schema into a file and name that",
        ) from error
    if done.returncode:
        raise _failed(done.stderr.decode("utf-8", "replace"), folder)
    return done.stdout


def _failed(stderr: str, folder: str) -> SourceUnreadable:
    lines = [line for line in stderr.splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith("fatal: ")), lines[0] if lines else "it said nothing")
    said = said.removeprefix("fatal: ")
    if "not a git repository" in said:
        return SourceUnreadable(
            f"{folder!r} is not in a git repository", hint="go to one, or name a file or a folder instead of a revision"
        )
    hint = None
    if "dubious ownership" in said:
        hint = "it belongs to somebody else: `git config --global --add safe.directory FOLDER` says that you trust it"
    elif "must be run in a work tree" in said:
        hint = "the repository is bare: a project is in a working tree"
    return SourceUnreadable(f"git failed: {said}", hint=hint, detail="\n".join(lines[1:]) or None)
