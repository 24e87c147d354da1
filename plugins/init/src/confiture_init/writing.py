"""Writes a project's files. Nothing is overwritten."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from confiture.errors import PermissionMissing, SourceUnreadable, UsageError
from confiture_init.model import InitReport
from confiture_init.templates import STATE_IGNORED, project_files

__all__ = ["absolute", "has_own_schema", "remove", "write_files", "write_project"]


def absolute(folder: Path | str) -> Path:
    """``folder`` as an absolute path, its links left as they are."""
    return Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow links, absolute() keeps ".."


def write_project(root: Path, name: str | None, schema: Mapping[str, str] | None = None) -> InitReport:
    """Write what a project has: ``schema`` (path below ``root`` to text), or a small example where none is given.

    Raises ``UsageError`` for an empty name, ``PermissionMissing`` and ``SourceUnreadable`` for a folder that cannot
    be written.
    """
    if name is not None and not name.strip():
        raise UsageError("--name is empty", hint="leave it out to use the folder's name")
    files = dict(project_files(name or root.name or "project"))
    if schema is not None:
        files = {path: text for path, text in files.items() if not path.endswith(".sql")} | dict(schema)
    written: list[str] = []
    kept: list[str] = []
    try:
        root.mkdir(parents=True, exist_ok=True)
        own_schema = schema is None and has_own_schema(root)
        for path, text in files.items():
            if (root / path).exists() or (root / path).is_symlink():
                kept.append(path)
            elif own_schema and path.endswith(".sql"):
                continue
            else:
                _write(root / path, text)
                written.append(path)
        if _ignore_state(root / ".gitignore"):
            written.append(".gitignore")
    except OSError as error:
        raise _refusal(error, root, written) from error
    return InitReport(folder=str(root), written=tuple(written), kept=tuple(kept))


def write_files(root: Path, files: Mapping[str, str]) -> list[Path]:
    """Write all of these files, or none; what was made, folders too.

    Raises ``PermissionMissing``, ``SourceUnreadable``.
    """
    made: list[Path] = []
    try:
        for path, text in files.items():
            for folder in reversed((root / path).parents):
                if not folder.exists():
                    folder.mkdir()
                    made.append(folder)
            with (root / path).open("x", encoding="utf-8", newline="\n") as file:
                made.append(root / path)
                file.write(text)
    except OSError as error:
        remove(made)
        raise _refusal(error, root, []) from error
    except BaseException:
        remove(made)
        raise
    return made


def remove(made: Iterable[Path]) -> None:
    """Take away what was made, in the opposite order; a folder that somebody else has put something into stays."""
    for path in reversed(list(made)):
        try:
            path.rmdir() if path.is_dir() else path.unlink()
        except OSError:
            continue


def has_own_schema(root: Path) -> bool:
    """Whether there is DDL that we would not write: ours beside it could not build."""
    found = {path.relative_to(root).as_posix() for path in (root / "db" / "schema").rglob("*.sql")}
    return bool(found - set(project_files("")))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # "x": a file that somebody else made in between is not overwritten either.
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)


def _ignore_state(path: Path) -> bool:
    """Add our line to ``.gitignore``; whether it was missing. The lines that are there stay as they are."""
    text = path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""
    if any(line.strip().strip("/") == STATE_IGNORED.strip("/") for line in text.splitlines()):
        return False
    separator = "" if not text or text.endswith("\n") else "\n"
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(f"{separator}{STATE_IGNORED}\n")
    return True


def _refusal(error: OSError, root: Path, written: list[str]) -> Exception:
    """What the user can do about it. What was written stays: the next ``init`` adds the rest."""
    path = Path(str(error.filename or root))
    so_far = f"written so far: {', '.join(written)}" if written else None
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return PermissionMissing(f"{str(path)!r} is not writable", hint="choose a folder of yours", detail=so_far)
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        # The system names the path below it; the user wants to hear of the file itself.
        blocking = next((part for part in (path, *path.parents) if part.exists()), path)
        return SourceUnreadable(
            f"{str(blocking)!r} is a file, where a folder is needed", hint="move it away, then run again", detail=so_far
        )
    if isinstance(error, FileNotFoundError) or error.errno in (errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL):
        return SourceUnreadable(
            f"{str(path)!r} cannot be made: {error.strerror}", hint="choose another folder", detail=so_far
        )
    return error
