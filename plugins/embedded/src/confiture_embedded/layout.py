"""Where a server's files are. Plain functions of paths; nothing here starts anything.

A server's *home* is one folder, ``<project>/.confiture/server`` or ``<cache>/scratch-18``::

    data/          PostgreSQL's data folder
    socket/        the socket, where its path is short enough
    server.log     what the server says
    lock           held while the server is looked at, made, started or stopped
    used           its time is the last time that somebody asked for the server
    running        what the running server was started with, for the watcher and for ``status``
    watch.lock     held by the watcher
    password       of the role postgres, where the server listens on a port
    location       instead of all these: where they are, when the server's user cannot reach this folder
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from confiture.errors import ServerError
from confiture_embedded.account import Account, can_pass, give, unprivileged

__all__ = ["Home", "cache_dir", "existing_home", "make_home", "make_private", "socket_dir", "state_dir"]

#: ``sockaddr_un.sun_path`` holds 108 bytes on Linux, 104 on macOS and the BSDs, with the closing NUL.
_SOCKET_BYTES = 103
#: Everybody may write there: what is found is used only if it is a folder of the server's user.
_TMP = Path("/tmp")  # noqa: S108
#: The longest name that PostgreSQL gives a socket or the lock file beside it.
_SOCKET_NAME = ".s.PGSQL.65535.lock"


@dataclass(frozen=True, slots=True)
class Home:
    """A server's folder and the user that the server runs as."""

    path: Path
    account: Account

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.path / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.path / "server.log"

    @property
    def password_file(self) -> Path:
        """The password of ``postgres`` over TCP; only there once a port was configured."""
        return self.path / "password"


def cache_dir() -> Path:
    """The user's cache folder: ``CONFITURE_CACHE_DIR``, ``$XDG_CACHE_HOME/confiture`` or ``~/.cache/confiture``."""
    if chosen := os.environ.get("CONFITURE_CACHE_DIR"):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or ""
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "confiture"


def state_dir() -> Path:
    """Where root keeps what the server's user must reach: ``CONFITURE_STATE_DIR``, ``/var/lib/confiture``.

    Else ``/var/tmp/confiture-root``. It belongs to root and others may only pass, so that nobody plants files in it.
    """
    chosen = os.environ.get("CONFITURE_STATE_DIR")
    for place in (chosen,) if chosen else ("/var/lib/confiture", "/var/tmp/confiture-root"):  # noqa: S108 - its owner and mode are checked
        path = Path(place).absolute()
        try:
            path.mkdir(mode=0o755, parents=bool(chosen), exist_ok=True)
            info = path.lstat()
        except OSError:
            continue
        if stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid() and not info.st_mode & 0o022:
            if not info.st_mode & 0o001:
                path.chmod(0o755)  # a umask of 077; the folder is ours
            return path
    raise ServerError(
        "there is no folder that root and the server's user can share",
        hint="make /var/lib/confiture writable, or set CONFITURE_STATE_DIR to a folder that every user may enter",
    )


def existing_home(place: Path) -> Home | None:
    """The home that ``place`` is or points to; None where no server was ever made. Changes nothing."""
    with contextlib.suppress(FileNotFoundError):
        place = Path((place / "location").read_text().strip())
    try:
        info = place.stat()
    except FileNotFoundError:
        return None
    return Home(place, unprivileged(info.st_uid))


def make_home(place: Path) -> Home:
    """The home that ``place`` is or points to, made where it is not there yet.

    The folder belongs to the user that the server runs as and only that user may enter it. Where that user cannot
    reach ``place`` (root's own folders), it is made elsewhere and ``place/location`` points to it.

    Raises ``ServerError`` where the folder belongs to somebody else.
    """
    home = existing_home(place)
    if home is not None and home.path != place:
        place = home.path
    elif home is None or (home.account.switch and place.stat().st_uid == 0):
        account = unprivileged()
        _make_folders(place)
        if account.switch and not can_pass(account, place.parent):
            target = state_dir() / hashlib.sha256(os.fsencode(place)).hexdigest()[:16]
            make_private(target, account)
            _write(place / "location", f"{target}\n")
            return Home(target, account)
        home = Home(place, account)
    make_private(place, home.account)
    return Home(place, home.account)


def socket_dir(home: Home) -> Path:
    """The socket's folder: the home's, or where that path is too long, one in ``/tmp`` named after the home."""
    folder = home.path / "socket"
    if len(os.fsencode(folder / _SOCKET_NAME)) <= _SOCKET_BYTES:
        return folder
    # /tmp and not XDG_RUNTIME_DIR: that folder goes when the user logs out, and the server stays.
    digest = hashlib.sha256(os.fsencode(home.path)).hexdigest()[:16]
    return _TMP / f"confiture-{home.account.uid}-{digest}"


def make_socket_dir(home: Home) -> Path:
    """:func:`socket_dir`, made: mode 700 and the server's user's. Raises ``ServerError`` where it is not ours."""
    folder = socket_dir(home)
    make_private(folder, home.account)
    return folder


def _make_folders(place: Path) -> None:
    """``place`` and what is missing above it; ``.confiture`` is kept out of version control."""
    place.mkdir(parents=True, exist_ok=True)
    for folder in place.parents:
        if folder.name == ".confiture":
            ignore = folder / ".gitignore"
            if not ignore.exists():
                _write(ignore, "*\n")
            break


def make_private(folder: Path, account: Account) -> None:
    """``folder`` as the server's user's own, mode 700. Raises ``ServerError`` where it is somebody else's."""
    made = True
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        made = False
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise ServerError(
            f"the folder {str(folder)!r} cannot be used: {error.strerror}", hint="remove it, or run as its owner"
        ) from error
    try:
        owner = os.fstat(descriptor).st_uid
        # What root made may be given away; in /tmp only what was made just now.
        ours = account.switch and owner == 0 and (made or folder.parent != _TMP)
        if owner != account.uid and not ours:
            raise ServerError(
                f"the folder {str(folder)!r} does not belong to {account.name!r}, which the server would run as",
                hint="run confiture as the folder's owner, or remove the folder",
            )
        give(descriptor, account, 0o700)
    finally:
        os.close(descriptor)


def _write(path: Path, text: str) -> None:
    """Write a small file so that another process sees all of it or nothing."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    new = Path(name)
    new.chmod(0o644)
    new.replace(path)
