"""Data that root keeps outside of a project goes some time after the project."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from confiture_embedded import cluster
from confiture_embedded.abandoned import drop_abandoned, note_place
from confiture_embedded.layout import Home, existing_home, make_home

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

WEEKS_S = 30 * 24 * 3600


@pytest.fixture
def closed(fast_dir: Path) -> Path:
    """A folder like /root, which the server's user cannot enter."""
    folder = fast_dir / "root"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def kept(closed: Path) -> Callable[[str], Home]:
    """Makes the home of a project; its server was never started."""

    def make(name: str) -> Home:
        place = closed / name / ".confiture" / "server"
        home = make_home(place)
        note_place(home, place)
        return home

    return make


async def test_data_goes_when_another_server_is_made_and_the_project_is_gone(closed, server_run, processes, eventually):
    """Not while its server runs, and not by a server that is only used again."""
    (closed / "old").mkdir()
    (closed / "new").mkdir()
    async with server_run(closed / "old") as run:
        await run.target()
    home = existing_home(closed / "old" / ".confiture" / "server")
    shutil.rmtree(closed / "old")
    drop_abandoned(home.path.parent, now=time.time() + WEEKS_S)
    assert cluster.running(home)
    assert cluster.stop(home)
    eventually(lambda: not processes(home.path))  # its watcher has the home's lock for a moment when it ends
    os.utime(home.path / "used", (0, 0))
    async with server_run(closed / "new") as run:
        await run.target()
    new = existing_home(closed / "new" / ".confiture" / "server")
    left = {path.name for path in home.path.parent.iterdir() if not path.name.startswith("postgresql-")}
    assert left == {new.path.name, f"{new.path.name}.place"}
    assert cluster.running(new)


def test_nothing_goes_but_what_nobody_can_want(closed, kept):
    """A project that is there, one that was moved a moment ago, and one on a disk that is not mounted keep theirs."""
    there, moved, unmounted, gone = kept("there"), kept("moved"), kept("unmounted"), kept("gone")
    for name in ("moved", "unmounted", "gone"):
        shutil.rmtree(closed / name)
    record = unmounted.path.with_name(f"{unmounted.path.name}.place")
    record.write_text(json.dumps({**json.loads(record.read_text()), "device": -1}))
    for home in (there, unmounted, gone):
        os.utime(home.path, (0, 0))
    with cluster.home_lock(gone):
        drop_abandoned(gone.path.parent)
        assert gone.path.exists()  # somebody works on it
    os.utime(gone.path, (0, 0))  # its lock's file was new
    drop_abandoned(gone.path.parent)
    assert [home.path.exists() for home in (there, moved, unmounted, gone)] == [True, True, True, False]
    drop_abandoned(gone.path.parent, now=time.time() + WEEKS_S)
    assert [home.path.exists() for home in (there, moved, unmounted)] == [True, False, True]


def test_a_project_that_was_moved_keeps_its_data(closed, kept):
    """It still points to it, and the next start records where the project is now."""
    home = kept("before")
    (closed / "before").rename(closed / "after")
    place = closed / "after" / ".confiture" / "server"
    note_place(make_home(place), place)
    drop_abandoned(home.path.parent, now=time.time() + WEEKS_S)
    assert existing_home(place).path == home.path
    assert home.path.exists()


def test_a_record_that_is_no_record_harms_nothing(closed, kept):
    """What confiture did not write is not its to remove."""
    home = kept("gone")
    shutil.rmtree(closed / "gone")
    record = home.path.with_name(f"{home.path.name}.place")
    for text in ("", "[]", "{}", "nonsense"):
        record.write_text(text)
        drop_abandoned(home.path.parent, now=time.time() + WEEKS_S)
        assert home.path.exists()
