"""A lock between processes: ``flock`` on a file, which the operating system lets go when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

from confiture.errors import Busy
from confiture_embedded.account import Account, give

__all__ = ["FileLock"]


class FileLock:
    """Held from :meth:`try_lock` (or the ``with`` block's begin) until :meth:`release`."""

    def __init__(self, path: Path, account: Account) -> None:
        self.path = path
        self._account = account
        self._fd = -1

    def try_lock(self) -> bool:
        """Take the lock if it is free. Raises ``OSError`` where the file cannot be made."""
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            give(fd, self._account, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except BaseException:
            os.close(fd)
            raise
        # Somebody removed the file, or the whole folder, since: who comes now locks another file.
        try:
            named = self.path.lstat()
        except FileNotFoundError:
            named = None
        if named is None or not os.path.samestat(named, os.fstat(fd)):
            os.close(fd)
            return False
        self._fd = fd
        return True

    def release(self) -> None:
        """Let go; nothing to do where it is not held."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def hand_over(self) -> int:
        """The descriptor, for a child process to inherit: the lock is then held until the child has ended too."""
        return self._fd

    def __enter__(self) -> FileLock:
        deadline = time.monotonic() + 60
        while not self.try_lock():
            if time.monotonic() > deadline:
                raise Busy(f"another process has held {str(self.path)!r} for a minute", hint="wait for it, or stop it")
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
