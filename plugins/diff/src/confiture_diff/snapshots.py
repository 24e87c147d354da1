"""Schemas remembered on disk, so that a side that was read before needs no database.

The key is of the texts in their order (not of the files' names), of what reads them and of the server that they ran
on; entries are whole files that are replaced at once, and one that cannot be read is as good as none.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from confiture.model import Schema, SourceFile

__all__ = ["Snapshots", "cache_folder", "snapshot_key"]

#: Part of every key: raise it when equal files begin to give another ``Schema``.
_FORMAT = "1"
_SUFFIX = ".schema"


def cache_folder() -> Path:
    """The user's cache folder, as the embedded server's is found."""
    if chosen := os.environ.get("CONFITURE_CACHE_DIR"):
        base = Path(chosen).absolute()
    else:
        xdg = os.environ.get("XDG_CACHE_HOME") or ""
        base = (Path(xdg) if xdg.startswith("/") else Path.home() / ".cache") / "confiture"
    return base / "schemas"


def snapshot_key(files: Sequence[SourceFile], *made_by: str) -> str:
    """A name for the schema of ``files``; ``made_by`` is what else decides: inspector, server, extensions."""
    digest = hashlib.sha256()
    for text in (_FORMAT, *made_by, "", *(file.sql for file in files)):
        encoded = text.encode()
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()


class Snapshots:
    """The remembered schemas. ``keep``: how many; 0 for none."""

    def __init__(self, folder: Path, keep: int) -> None:
        self._folder = folder
        self._keep = keep

    def find(self, key: str) -> Schema | None:
        """The schema of that key, where it is there and whole."""
        path = self._folder / f"{key}{_SUFFIX}"
        try:
            schema = msgspec.msgpack.decode(path.read_bytes(), type=Schema)
        except (OSError, msgspec.DecodeError):
            return None
        with suppress(OSError):
            os.utime(path)  # the oldest in use is dropped first
        return schema

    def keep(self, key: str, schema: Schema) -> None:
        """Remember it. A folder that cannot be written to is no error: the next run reads again."""
        if self._keep <= 0:
            return
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(msgspec.msgpack.encode(schema))
                Path(temporary).replace(self._folder / f"{key}{_SUFFIX}")
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
            self._prune()

    def _prune(self) -> None:
        entries: list[tuple[float, Path]] = []
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with suppress(FileNotFoundError):
                entries.append((path.stat().st_mtime, path))
        for _, path in sorted(entries)[: -self._keep]:
            path.unlink(missing_ok=True)
