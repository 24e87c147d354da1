"""What all tests share: a real server, a fresh database, a project folder, a run, and psql as the outside judge."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis.internal.conjecture import providers

import pgserver
from confiture.config import Environment
from confiture.config.dsn import to_uri
from confiture.kernel import Kernel
from confiture.model import Target
from confiture.run import Run
from confiture.temporary import TEMPORARY_PREFIX
from pooler import pooled

# The same examples every time: what fails once fails for everybody. No limits of time: a busy machine stands still at
# times, and an example that took 0.2 s, or 1 s to draw some, would be a failure.
hypothesis.settings.register_profile(
    "suite",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("suite")
# It would draw from the constants of those modules of ours that the worker has imported by then, each time others.
vars(providers)["is_local_module_file"] = lambda _path: False

__all__ = ["pooled"]

_counter = itertools.count(1)
_makers: list[NewDatabase] = []
#: Where the workers find the session's server.
_KEPT = (pgserver.SESSION_VARIABLE,)
_session = pytest.StashKey[pgserver.Session]()


def pytest_configure(config: pytest.Config) -> None:
    # Where byte code is not kept, each command that a test runs compiles all of confiture that it uses.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if not hasattr(config, "workerinput") and pgserver.SESSION_VARIABLE not in os.environ:
        config.stash[_session] = pgserver.Session()


def pytest_unconfigure(config: pytest.Config) -> None:
    if session := config.stash.get(_session, None):
        session.end()


def pytest_report_header() -> str:
    return f"server: {pgserver.server_version()}"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The driver knows asyncio only."""
    return "asyncio"


@pytest.fixture
def no_scratch_left() -> Callable[[Target], None]:
    """``no_scratch_left(target)``: on its server is no scratch database of a run that has ended."""

    def check(target: Target) -> None:
        left = _scratch(target)
        deadline = time.monotonic() + 300
        while left:  # those of other tests go when these end
            assert time.monotonic() < deadline, f"left: {sorted(left)}"
            time.sleep(0.05)
            left &= _scratch(target)

    return check


@pytest.fixture
def no_session_left() -> Callable[[Target], None]:
    """``no_session_left(target)``: none of its database's sessions stays. A backend may end after its client has."""

    def check(target: Target) -> None:
        left = _sessions(target)
        deadline = time.monotonic() + 300
        while left:
            assert time.monotonic() < deadline, f"left: {sorted(left)}"
            time.sleep(0.05)
            left &= _sessions(target)

    return check


def _sessions(target: Target) -> set[str]:
    of = "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    return set(run_psql(target, f"SELECT pid, backend_start FROM pg_stat_activity {of}").splitlines())


def _scratch(target: Target) -> set[str]:
    names = f"SELECT datname FROM pg_database WHERE starts_with(datname, '{TEMPORARY_PREFIX}')"
    return set(run_psql(target, names).splitlines())


@pytest.fixture(scope="session")
def state_dir() -> Path:
    """Where root keeps the data of projects that the server's user cannot reach. It ends with the session.

    For all workers: the scratch server of the user's cache may have its data there, and whoever ends first must not
    take it from the others.
    """
    folder = pgserver.state_dir()
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, state_dir: Path) -> None:
    """Nothing of the person's own settings reaches a test, and nothing of a test the machine's."""
    for name in tuple(os.environ):
        if name.startswith(("PG", "CONFITURE_")) and name not in _KEPT:
            monkeypatch.delenv(name)
    monkeypatch.setenv("PGPASSFILE", "/nonexistent/pgpass")
    monkeypatch.setenv("CONFITURE_STATE_DIR", str(state_dir))


@pytest.fixture(scope="session")
def server() -> Target:
    """A private PostgreSQL 18, shared by all workers of the session; user ``postgres``, trust."""
    return Target(label="test", params=pgserver.server_params(), managed=True)


class Maintenance:
    """One psql for all databases that are made and dropped: to start one, and a session for it, costs as much."""

    def __init__(self, server: Target) -> None:
        self._psql = subprocess.Popen(
            [str(pgserver.binaries() / "psql"), "-XqAt", "-d", to_uri(server.params)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=_environment(server),
        )

    def run(self, sql: str) -> None:
        """Run one statement. An error of the server fails the test, save that a session takes long to end."""
        deadline = time.monotonic() + 60
        while said := self._run(sql):
            assert "is being accessed by other users" in said, f"psql failed: {said}"
            assert time.monotonic() < deadline, f"psql failed: {said}"

    def _run(self, sql: str) -> str:
        """What the server said where it was an error."""
        assert self._psql.stdin is not None
        assert self._psql.stdout is not None
        self._psql.stdin.write(f"{sql};\n\\echo :ERROR\n")
        self._psql.stdin.flush()
        said = []
        while (line := self._psql.stdout.readline().strip()) not in ("true", "false"):
            assert line, f"psql ended: {said}"
            said.append(line)
        return "" if line == "false" else " ".join(said) or "an error"

    def end(self) -> None:
        """Leave the server."""
        self._psql.communicate()


@pytest.fixture(scope="session")
def maintenance(server: Target) -> Iterator[Maintenance]:
    """For the databases of the tests."""
    made = Maintenance(server)
    yield made
    made.end()


class NewDatabase:
    """Makes databases. One that a test makes is dropped after it, unless it is to last for the session."""

    def __init__(self, server: Target, maintenance: Maintenance) -> None:
        self._server = server
        self._maintenance = maintenance
        self._made: list[Target] = []
        self._lasting: list[Target] = []

    def __call__(self, *, lasting: bool = False) -> Target:
        """An empty one. Also one that a fixture of a module or the session makes before the test begins lasts."""
        name = f"t_{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}_{os.getpid()}_{next(_counter)}"
        # By file_copy: without fsync it takes a third of what the write-ahead log does.
        self._maintenance.run(f'CREATE DATABASE "{name}" STRATEGY file_copy')
        made = self._lasting if lasting else self._made
        made.append(self._server.with_database(name))
        return made[-1]

    def begin(self) -> None:
        """A test begins."""
        self._lasting += self._made
        self._made.clear()

    def end(self) -> None:
        """It has ended."""
        self._drop(self._made)

    def close(self) -> None:
        """The session has ended."""
        self._drop(self._made)
        self._drop(self._lasting)

    def _drop(self, targets: list[Target]) -> None:
        while targets:
            self._maintenance.run(f'DROP DATABASE IF EXISTS "{targets.pop().database}" WITH (FORCE)')


@pytest.fixture(scope="session")
def new_database(server: Target, maintenance: Maintenance) -> Iterator[NewDatabase]:
    """Makes databases; most tests take ``database``."""
    made = NewDatabase(server, maintenance)
    _makers.append(made)
    yield made
    _makers.clear()
    made.close()


@pytest.fixture(autouse=True)
def _databases_of_the_test() -> Iterator[None]:
    for maker in _makers:
        maker.begin()
    yield
    for maker in _makers:
        maker.end()


@pytest.fixture
def database(new_database: Callable[[], Target]) -> Target:
    """A fresh, empty database on the server, dropped after the test."""
    return new_database()


def run_psql(target: Target, sql: str, *options: str) -> str:
    """What psql prints for ``sql``: unaligned, tuples only. An error of the server fails the test."""
    command = [str(pgserver.binaries() / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", to_uri(target.params)]
    arguments = [*command, *options, "-f", "-"]
    done = subprocess.run(arguments, input=sql, capture_output=True, text=True, env=_environment(target))
    assert done.returncode == 0, f"psql failed: {done.stderr}"
    return done.stdout.removesuffix("\n")


def _environment(target: Target) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return env | {"PGPASSWORD": target.params.get("password", ""), "PGCLIENTENCODING": "UTF8"}


@pytest.fixture(scope="session")
def psql() -> Callable[..., str]:
    """``psql(target, sql, *options)``: the outside judge of what is really in a database."""
    return run_psql


def wait_gone(target: Target, process: int) -> None:
    """Until the server has seen that confiture's ``process`` ended: no session of it, no lock, no commit under way."""
    ours = f"SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'confiture {process}@%'"
    deadline = time.monotonic() + 60
    while run_psql(target.with_database("postgres"), ours) != "0":
        assert time.monotonic() < deadline, f"sessions of process {process} are left"
        time.sleep(0.02)


class ProjectFolder:
    """A project on disk. ``root`` is its folder; paths are relative to it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, text: str | bytes) -> Path:
        """Write a file and the folders above it; dedent nothing."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def config(self, text: str) -> Path:
        """Write ``confiture.toml``."""
        return self.write("confiture.toml", text)

    def schema(self, path: str, sql: str | bytes) -> Path:
        """Write ``db/schema/<path>``."""
        return self.write(f"db/schema/{path}", sql)

    def seed(self, path: str, sql: str | bytes) -> Path:
        """Write ``db/seeds/<path>``."""
        return self.write(f"db/seeds/{path}", sql)

    def environment(self, name: str, text: str, suffix: str = ".toml") -> Path:
        """Write ``db/environments/<name><suffix>``."""
        return self.write(f"db/environments/{name}{suffix}", text)

    def environment_for(self, target: Target, name: str = "local", extra: str = "") -> Path:
        """An environment whose database is ``target``."""
        url = to_uri(target.params, password=True)
        return self.environment(name, f"database_url = '{url}'\n{extra}\n")


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    """An empty project: a folder with an empty ``confiture.toml`` and ``db/schema/``."""
    folder = ProjectFolder(tmp_path / "project")
    folder.config("")
    (folder.root / "db" / "schema").mkdir(parents=True)
    return folder


KernelRun = Callable[..., AbstractAsyncContextManager[Run]]


@pytest.fixture
def kernel_run(request: pytest.FixtureRequest) -> KernelRun:
    """``async with kernel_run(project) as run``: a run whose environment is a fresh database of the test server.

    ``database`` gives another one; ``registry`` and ``observers`` go to the kernel; further keywords to the
    environment (``protected=True``).
    """

    def run(
        project: ProjectFolder | Path | None = None,
        *,
        database: Target | None = None,
        registry: Any = None,
        observers: Any = (),
        **environment: Any,
    ) -> AbstractAsyncContextManager[Run]:
        folder = project or request.getfixturevalue("project")
        root = folder.root if isinstance(folder, ProjectFolder) else folder
        target = database or request.getfixturevalue("database")
        url = to_uri(target.params, password=True)
        values = {"name": "local", "database_url": url, **environment}
        return Kernel(root, registry=registry, observers=observers).run(environment=Environment(**values))

    return run
