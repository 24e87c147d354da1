"""Who a server runs as, and what that user can reach. PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confiture.errors import ServerError

__all__ = ["Account", "can_pass", "current", "give", "unprivileged", "user_name", "write_private"]


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the operating system. ``switch`` is True where a process must change to it (we are root)."""

    uid: int
    gid: int
    name: str
    switch: bool = False

    def popen(self) -> dict[str, Any]:
        """Arguments for ``subprocess`` that make a process run as this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}


def current() -> Account:
    """The user that this process is."""
    uid = os.geteuid()
    return Account(uid, os.getegid(), user_name(uid))


def unprivileged(owner: int | None = None) -> Account:
    """The user that a server runs as: ourselves, or, as root, ``owner`` of its data, ``postgres``, or ``nobody``.

    No user is ever added. Raises ``ServerError`` where root finds neither.
    """
    if os.geteuid() != 0:
        return current()
    if owner:
        try:
            gid = pwd.getpwuid(owner).pw_gid
        except KeyError:
            gid = owner
        return Account(owner, gid, user_name(owner), switch=True)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid, name, switch=True)
    raise ServerError(
        "PostgreSQL does not run as root, and there is neither a user 'postgres' nor 'nobody' to run it as",
        hint="run confiture as another user, or add a user 'postgres'",
    )


def can_pass(account: Account, folder: Path) -> bool:
    """Whether the user may pass through ``folder`` and everything above it. A folder that is not there yet may."""
    path = folder.resolve()
    for part in (path, *path.parents):
        try:
            info = part.stat()
        except FileNotFoundError:
            continue
        except OSError:
            return False
        if info.st_uid == account.uid:
            bit = stat.S_IXUSR
        elif info.st_gid == account.gid:
            bit = stat.S_IXGRP
        else:
            bit = stat.S_IXOTH
        if not info.st_mode & bit:
            return False
    return True


def give(descriptor: int, account: Account, mode: int) -> None:
    """Set an open file's or folder's mode, and make it the user's if we are root.

    By descriptor and never by name: root works in folders where the server's user could put a link in its place.
    """
    os.fchmod(descriptor, mode)
    if account.switch:
        os.fchown(descriptor, account.uid, account.gid)


def write_private(path: Path, text: str, account: Account) -> None:
    """Write a file that only the user may read; others see all of it or what was there before. Follows no link."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            give(descriptor, account, 0o600)
            file.write(text)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def user_name(uid: int) -> str:
    """The user's name, or the number where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
