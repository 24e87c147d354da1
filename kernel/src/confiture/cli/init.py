"""``confiture init``: a project that builds as it stands."""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from confiture.cli.command import OutputParam, Shell, ShellParam
from confiture.cli.init_files import STATE_IGNORED, project_files
from confiture.errors import PermissionMissing, SourceUnreadable, UsageError

__all__ = ["InitReport", "init"]


class InitReport(msgspec.Struct, frozen=True, kw_only=True):
    """What ``init`` did: the project's folder, the files written, and those that were there and stayed."""

    folder: str
    written: tuple[str, ...]
    kept: tuple[str, ...]


def init(
    folder: Annotated[Path, Parameter(show_default=False)] = Path(),
    /,
    *,
    name: Annotated[str | None, Parameter(metavar="NAME")] = None,
    output: OutputParam = None,
    shell: ShellParam,
) -> InitReport:
    """Make a project that builds as it stands.

    Writes confiture.toml, a small schema, seed rows and two environments. Nothing is overwritten: a file that exists
    is kept as it is, and a project that has a schema gets no other.

    Parameters
    ----------
    folder
        Where; made if it does not exist. [default: the working folder]
    name
        The project's name, in the names of its databases. [default: the folder's]
    """
    shell.configure(output)
    root = Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow links, absolute() keeps ".."
    if name is not None and not name.strip():
        raise UsageError("--name is empty", hint="leave it out to use the folder's name")
    written: list[str] = []
    kept: list[str] = []
    try:
        root.mkdir(parents=True, exist_ok=True)
        files = project_files(name or root.name or "project")
        own_schema = _has_own_schema(root, files)
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
    report = InitReport(folder=str(root), written=tuple(written), kept=tuple(kept))
    _tell(report, folder, own_schema, shell)
    return report


def _has_own_schema(root: Path, files: Iterable[str]) -> bool:
    """Whether there is DDL that we would not write: ours beside it could not build."""
    found = {path.relative_to(root).as_posix() for path in (root / "db" / "schema").rglob("*.sql")}
    return bool(found - set(files))


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


def _tell(report: InitReport, folder: Path, own_schema: bool, shell: Shell) -> None:
    for path in report.written:
        shell.print(f"  wrote  {path}")
    for path in report.kept:
        shell.print(f"  kept   {path}")
    if own_schema:
        shell.print("  kept   db/schema/ as it is: it has files of its own")
    shell.print()
    shell.print("Next:")
    if folder != Path():
        shell.print(f"  cd {shlex.quote(str(folder))}")
    shell.print("  confiture build         build it on a PostgreSQL of its own, seed rows included")
    shell.print("  confiture server psql   look at it")
