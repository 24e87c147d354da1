"""Finds the SQL files below a root. Symbolic links are followed; nothing is passed over in silence but dot files."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

import msgspec

from confiture.errors import SourceUnreadable
from confiture.sqlfiles.patterns import matches_any
from confiture.sqlfiles.rules import check_name, is_hidden, is_sql
from confiture_files.reading import unreadable

__all__ = ["Found", "Walker"]

Parts = tuple[str, ...]


class Found(msgspec.Struct, frozen=True):
    """A file: its components below the root, its path, how messages name it, and where links lead in the end."""

    parts: Parts
    path: str
    shown: str
    real: str


class Walker:
    """One walk below one root. ``left_out`` counts the SQL files that the patterns kept out."""

    def __init__(self, include: Sequence[str], exclude: Sequence[str]) -> None:
        self._include = include
        self._exclude = exclude
        self.left_out = 0

    def walk(self, root: str, shown: str, missing_hint: str) -> list[Found]:
        """The files in no order. ``root`` may be a file. Raises ``SourceUnreadable``; a missing root with that hint."""
        try:
            is_folder = stat.S_ISDIR(os.stat(root).st_mode)  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SourceUnreadable("does not exist", file=shown, hint=missing_hint) from error
        except OSError as error:
            raise unreadable(error, shown) from error
        real = os.path.realpath(root)
        if not is_folder:
            return [Found((os.path.basename(root),), root, shown, real)]  # noqa: PTH119
        found: list[Found] = []
        self._folder(found, root, "" if shown == "." else shown.rstrip("/") + "/", (), {real: shown})
        return found

    def _folder(self, found: list[Found], folder: str, prefix: str, parts: Parts, above: dict[str, str]) -> None:
        """``above`` are the real paths of this folder and those that it lies in, with the names they were met by."""
        real_folder = next(reversed(above))
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if not is_hidden(entry.name):
                        self._entry(found, entry, prefix, (*parts, entry.name), real_folder, above)
        except OSError as error:
            raise unreadable(error, prefix.rstrip("/") or ".") from error

    def _entry(
        self,
        found: list[Found],
        entry: os.DirEntry[str],
        prefix: str,
        parts: Parts,
        real_folder: str,
        above: dict[str, str],
    ) -> None:
        shown = prefix + entry.name
        sql = is_sql(entry.name)
        try:
            is_folder = entry.is_dir()
            if not is_folder and not sql and not self._is_lost_link(entry):
                return
            if matches_any(parts, self._exclude):
                self.left_out += sql and not is_folder
                return
            link = entry.is_symlink()
            if link and not is_folder:
                os.stat(entry.path)  # noqa: PTH116 - raises where the link leads nowhere
            real = os.path.realpath(entry.path) if link else f"{real_folder.rstrip('/')}/{entry.name}"
        except FileNotFoundError as error:
            raise SourceUnreadable("is a symbolic link to nothing", file=shown, hint="mend or remove it") from error
        except OSError as error:
            raise unreadable(error, shown) from error
        check_name(entry.name, shown)
        if is_folder:
            if real in above:
                raise SourceUnreadable(
                    f"is a symbolic link to {above[real]!r}, which it lies in: a loop",
                    file=shown,
                    hint="remove the link, or exclude it",
                )
            self._folder(found, entry.path, shown + "/", parts, {**above, real: shown})
        elif self._include and not matches_any(parts, self._include):
            self.left_out += 1
        else:
            found.append(Found(parts, entry.path, shown, real))

    def _is_lost_link(self, entry: os.DirEntry[str]) -> bool:
        """Whether it is a link that leads nowhere: it may have led to a folder, so its name says nothing."""
        return entry.is_symlink() and not os.path.exists(entry.path)  # noqa: PTH110
