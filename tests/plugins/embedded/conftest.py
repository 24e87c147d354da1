"""Projects with a server of their own, in a fast folder that its user can reach; all of it ends after a test."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any

import pytest

from confiture.config import Environment
from confiture.kernel import Kernel
from confiture.model import Event
from confiture.run import Run
from confiture_embedded import cluster
from confiture_embedded.binaries import Binaries
from confiture_embedded.layout import Home

ServerRun = Callable[..., AbstractAsyncContextManager[Run]]

#: Acquires the server of the project in argv[1] and prints its process number.
ACQUIRE = """
import asyncio, sys
from pathlib import Path
from confiture.config import Environment
from confiture.hooks import SERVER
from confiture.kernel import Kernel

async def main():
    environment = Environment(name=sys.argv[2] if len(sys.argv) > 2 else "local")
    async with Kernel(Path(sys.argv[1])).run(environment=environment) as run:
        server = run.get(SERVER, "embedded")
        await server.acquire(run, environment)
        print((await server.status(run, environment)).pid, flush=True)

asyncio.run(main())
"""


def processes_of(folder: Path) -> list[int]:
    """The processes that work in ``folder`` or name it in their arguments; ourselves left out."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            named = str(folder).encode() in (entry / "cmdline").read_bytes()
            inside = str((entry / "cwd").readlink()).startswith(str(folder))
            if (named or inside) and (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(int(entry.name))
    return found


@pytest.fixture
def processes() -> Callable[[Path], list[int]]:
    if not Path("/proc/self").exists():
        pytest.skip("needs /proc")
    return processes_of


@pytest.fixture
def fast_dir(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that every user may pass, in memory where that is possible. Whatever runs in it is ended."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="confiture-embedded-", dir=base))
    folder.chmod(0o755)
    monkeypatch.setenv("CONFITURE_STATE_DIR", str(folder / "state"))
    monkeypatch.setenv("CONFITURE_CACHE_DIR", str(folder / "cache"))
    yield folder
    for number in (signal.SIGINT, signal.SIGKILL):
        for pid in processes_of(folder):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + 20
        while processes_of(folder) and time.monotonic() < deadline:
            time.sleep(0.01)
    deadline = time.monotonic() + 20
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=time.monotonic() < deadline)  # what ends may still remove or write a file


@pytest.fixture(scope="session")
def _made() -> dict[tuple[str, str], Path]:
    return {}


@pytest.fixture(autouse=True)
def _initdb_once(
    _made: dict[tuple[str, str], Path], tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What initdb made is copied for the next server of our own process: most of a test would be its work.

    Where anything is or was there already, and for other programs or users, it is made as ever.
    """
    create = cluster.create
    seen: set[Path] = set()

    def copied(home: Home, binaries: Binaries) -> None:
        key = (binaries.program("initdb"), repr(home.account))
        fresh = not home.data.exists() and not [*home.path.glob("data.new-*")] and home.path not in seen
        seen.add(home.path)
        if fresh and key in _made:
            new = home.path / "data.new-copy"
            subprocess.run(["cp", "-a", str(_made[key]), str(new)], check=True)
            new.rename(home.data)
            return
        create(home, binaries)
        if fresh:
            _made[key] = tmp_path_factory.mktemp("initdb") / "data"
            subprocess.run(["cp", "-a", str(home.data), str(_made[key])], check=True)

    monkeypatch.setattr(cluster, "create", copied)


@pytest.fixture
def own_project(fast_dir: Path) -> Path:
    """An empty project."""
    root = fast_dir / "shop"
    (root / "db" / "schema").mkdir(parents=True)
    return root


@pytest.fixture
def server_run() -> ServerRun:
    """``server_run(root, name)``: a run of that project whose environment has no database_url."""

    def run(root: Path, name: str = "local", events: list[Event] | None = None, **values: Any) -> Any:
        observers = () if events is None else (events.append,)
        environment = Environment(name=name, **values)
        return Kernel(root, observers=observers).run(environment=environment)

    return run


@pytest.fixture
def acquire_process() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a process that acquires a project's server and prints its process number."""
    started: list[subprocess.Popen[str]] = []

    def start(root: Path, *arguments: str, then: str = "", python: str = sys.executable, **options: Any) -> Any:
        started.append(
            subprocess.Popen(
                [python, "-c", ACQUIRE + then, str(root), *arguments],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
            )
        )  # fmt: skip
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """``eventually(condition)``: wait until it is true, and return it; fail after a minute."""

    def wait(condition: Callable[[], Any], seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, "it did not become true"
            time.sleep(0.02)
        return found

    return wait
