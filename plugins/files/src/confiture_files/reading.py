"""Reads one file as a whole: valid UTF-8 without NUL, and not one that was being written meanwhile."""

from __future__ import annotations

import errno
import os
import stat

from confiture.errors import SourceUnreadable
from confiture.sqlfiles.decoding import decode_sql

__all__ = ["read_sql", "unreadable"]


def read_sql(path: str, shown: str) -> str:
    """The text of the file, without a byte order mark. ``shown`` is how messages name it.

    Raises ``SourceUnreadable``.
    """
    try:
        data = _read_stable(path, shown)
    except OSError as error:
        raise unreadable(error, shown) from error
    return decode_sql(data, shown)


def unreadable(error: OSError, shown: str) -> SourceUnreadable:
    """Why the file or folder cannot be used."""
    if isinstance(error, PermissionError):
        return SourceUnreadable("may not be read: permission denied", file=shown, hint="give yourself the permission")
    if error.errno == errno.ELOOP:
        return SourceUnreadable("is a symbolic link that leads back to itself", file=shown, hint="remove the link")
    if isinstance(error, FileNotFoundError):
        return SourceUnreadable("was removed while the schema was read", file=shown, hint="run again")
    return SourceUnreadable(f"cannot be read: {error.strerror}", file=shown)


def _read_stable(path: str, shown: str) -> bytes:
    """The bytes, read again once where the file changed meanwhile."""
    for _ in range(2):
        # O_NONBLOCK: opening a named pipe would wait for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise SourceUnreadable("is not a regular file", file=shown, hint="remove it, or exclude it")
            data = _read_all(descriptor, before.st_size)
        finally:
            os.close(descriptor)
        # By name, not by descriptor: an editor that saves puts a new file in the old one's place.
        if _identity(before) == _identity(os.stat(path)) and len(data) == before.st_size:  # noqa: PTH116
            return data
    raise SourceUnreadable("changed while it was read", file=shown, hint="run again when nothing writes to it")


def _read_all(descriptor: int, size_bytes: int) -> bytes:
    # One byte more than there should be, so that a file that has grown is noticed by its length.
    chunks = [os.read(descriptor, size_bytes + 1)]
    while chunks[-1]:
        chunks.append(os.read(descriptor, 1 << 20))
    return b"".join(chunks)


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
