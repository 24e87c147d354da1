"""Data that root keeps outside of its project (see :func:`~confiture_embedded.layout.make_home`), once that is gone.

Removing a project does not remove it, and nobody would find it again. So a file ``<hash>.place`` beside the folder
says whose it is, and whoever makes another such server looks for those that nobody can want any more.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
import time
from pathlib import Path

from confiture_embedded.account import current, unprivileged, write_private
from confiture_embedded.cluster import alive, home_lock, postmaster
from confiture_embedded.layout import Home, state_dir

__all__ = ["drop_abandoned", "note_place"]

#: A project that was moved still points to its data, and says so when it is next used: it has that long.
_GRACE_S = 7 * 24 * 3600
_RECORD = ".place"
_DROPPED = ".dropped-"


def note_place(home: Home, place: Path) -> None:
    """Record that the data of ``place`` is in ``home``. With the first record, drop what was abandoned.

    Does nothing for a home that is where it belongs. The record is root's and beside the folder, which is another
    user's: nobody else can make root remove anything.
    """
    if home.path == place or home.path.parent != state_dir():
        return
    record = home.path.with_name(home.path.name + _RECORD)
    new = not record.exists()
    text = json.dumps({"place": str(place), "device": _project(place).stat().st_dev})
    if new or record.read_text() != text:
        write_private(record, text, current())
    if new:
        drop_abandoned(home.path.parent)


def drop_abandoned(folder: Path, now: float | None = None) -> None:
    """Remove the data below ``folder`` whose project is gone and whose server neither runs nor ran for a week.

    What cannot be removed stays, without an error: it is nothing that the caller asked for. ``now`` is in seconds
    since 1970.
    """
    for left in folder.glob(f"*{_DROPPED}*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    for record in folder.glob(f"*{_RECORD}"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            said = json.loads(record.read_text())
            project, device = _project(Path(said["place"])), int(said["device"])
            if _is_gone(project, device):
                _drop(record, project, device, time.time() if now is None else now)


def _drop(record: Path, project: Path, device: int, now: float) -> None:
    path = record.with_suffix("")
    try:
        info = path.lstat()
    except FileNotFoundError:
        record.unlink()
        return
    home = Home(path, unprivileged(info.st_uid))
    lock = home_lock(home)
    if not lock.try_lock():
        return
    try:
        used = path / "used"
        last = (used if used.exists() else path).stat().st_mtime
        server = postmaster(home)
        if now - last < _GRACE_S or (server is not None and alive(home, server.pid)) or not _is_gone(project, device):
            return
        # Half of it must never be taken for a whole.
        dropped = path.with_name(f"{path.name}{_DROPPED}{secrets.token_hex(4)}")
        path.rename(dropped)
        record.unlink()
    finally:
        lock.release()
    shutil.rmtree(dropped, ignore_errors=True)


def _project(place: Path) -> Path:
    """The folder whose removal makes the data useless: the project's, or the user's cache."""
    return place.parent.parent if place.parent.name == ".confiture" else place.parent


def _is_gone(project: Path, device: int) -> bool:
    """Whether it was removed, from a file system that is still there: one that is not mounted may come back."""
    for folder in (project, *project.parents):
        try:
            info = folder.stat()
        except FileNotFoundError:
            continue
        except OSError:
            return False
        return folder != project and info.st_dev == device
    return False
