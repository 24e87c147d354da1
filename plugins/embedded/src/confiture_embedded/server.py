"""The provider ``embedded``: one server a project, and one scratch server a user."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from confiture.config import Environment
from confiture.errors import Busy, FeatureMissing, ServerError
from confiture.model import Note, ServerStatus, Target
from confiture_embedded import cluster
from confiture_embedded.account import give
from confiture_embedded.binaries import Binaries, find
from confiture_embedded.config import EmbeddedConfig
from confiture_embedded.features import Missing, hint, missing
from confiture_embedded.layout import Home, cache_dir, existing_home, make_home
from confiture_embedded.lock import FileLock
from confiture_embedded.names import database_name
from confiture_embedded.standins import SINCE, available
from confiture_embedded.watcher import ensure_watcher

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["SCRATCH", "EmbeddedServer", "configured_bin_dir", "home_of"]

#: The environment name that stands for the scratch server.
SCRATCH = "scratch"
#: How long a run waits for another that starts or stops the server.
_LOCK_S = 150.0


class EmbeddedServer:
    """A :class:`confiture.protocols.Server` that runs PostgreSQL itself."""

    def __init__(self) -> None:
        #: The stand-ins that this run has been told of.
        self._told: set[str] = set()

    async def acquire(self, ctx: Context, environment: Environment) -> Target:
        """The environment's database on the project's server, started when it does not run.

        A server that runs costs no process: its files are looked at and its socket is connected to.
        Raises ``ServerError``, ``ConfigError`` for a setting that PostgreSQL refuses, ``Busy`` when another process
        has been starting or stopping the server for minutes.
        """
        wanted = self.wanted(ctx, environment)
        server = await self._ensure(ctx, home_of(ctx, environment, wanted.binaries), wanted)
        return Target(
            label=environment.name,
            params={
                "host": server.socket,
                "port": str(server.port),
                "user": cluster.SUPERUSER,
                "dbname": _database(ctx, environment),
            },
            managed=True,
            protected=environment.protected,
        )

    async def status(self, ctx: Context, environment: Environment) -> ServerStatus:
        """Where the server is, since when it runs and how big it is."""
        return await anyio.to_thread.run_sync(self._status, ctx, environment)

    async def stop(self, ctx: Context, environment: Environment) -> bool:
        """Stop the server, ending its sessions; whether it ran."""
        place = home_of(ctx, environment, self.wanted(ctx, environment).binaries)
        try:
            home = existing_home(place)
            if home is None:
                return False
            lock = await _locked(home)
        except PermissionError as error:
            raise ServerError(
                f"the server in {str(place)!r} belongs to another user", hint="stop it as its owner"
            ) from error
        try:
            return await anyio.to_thread.run_sync(cluster.stop, home)
        finally:
            lock.release()

    async def check(self, ctx: Context, target: Target, features: Sequence[str], extensions: Sequence[str]) -> None:
        """Refuse a schema that names what these binaries were built without. Raises ``FeatureMissing``."""
        bin_dir = find(configured_bin_dir(ctx)).bin_dir
        lacking = await anyio.to_thread.run_sync(missing, bin_dir)
        extensions = self._without_standins(ctx, target, lacking, extensions)
        for name in (*features, *extensions):
            if name in lacking:
                raise FeatureMissing(f"the embedded server has no {name!r}: {lacking[name]}", hint=hint(name))
        absent = [name for name in extensions if not lacking.has_extension(name)]
        if absent:
            raise FeatureMissing(f"the embedded server has no extension {absent[0]!r}", hint=hint(absent[0]))

    def _without_standins(
        self, ctx: Context, target: Target, lacking: Missing, extensions: Sequence[str]
    ) -> Sequence[str]:
        """The extensions that the server has no stand-in for; of the others it is told."""
        if target.label != SCRATCH:
            return extensions
        binaries = find(configured_bin_dir(ctx))
        place = home_of(ctx, Environment(name=SCRATCH), binaries)
        home = existing_home(place) if binaries.major >= SINCE else None
        stood_in = {name for name in available(home) if not lacking.has_extension(name)}.intersection(extensions)
        for name in sorted(stood_in - self._told):
            self._told.add(name)
            ctx.emit(Note(message=f"the scratch server has a stand-in for the extension {name}"))
        return [name for name in extensions if name not in stood_in]

    def lacks(self, feature: str) -> str | None:
        """What to do about a feature or extension that the wheel's server lacks; None where it has it."""
        lacking = missing(find().bin_dir)
        return hint(feature) if feature in lacking else None

    def wanted(self, ctx: Context, environment: Environment) -> cluster.Wanted:
        """How the configuration wants the environment's server to be."""
        config = ctx.settings("embedded", EmbeddedConfig)
        binaries = find(configured_bin_dir(ctx))
        if environment.name == SCRATCH:
            # Shared by all projects: no project's settings or port.
            return cluster.Wanted(
                binaries=binaries, settings={}, idle_minutes=config.scratch_idle_minutes,
                check_s=config.idle_check_seconds, standins=binaries.major >= SINCE,
            )  # fmt: skip
        return cluster.Wanted(
            binaries=binaries, settings=config.settings, port=config.port, idle_minutes=config.idle_minutes,
            check_s=config.idle_check_seconds,
        )  # fmt: skip

    async def _ensure(self, ctx: Context, place: Path, wanted: cluster.Wanted) -> cluster.Postmaster:
        home = None
        with contextlib.suppress(PermissionError):
            home = existing_home(place)
            if home is not None:
                lock = await _locked(home)
                try:
                    _touch(home)
                    if (server := cluster.running(home)) is not None:
                        ensure_watcher(home)
                        if not place.name.startswith("scratch-"):  # projects may differ about that one
                            _tell_changes(ctx, home, wanted)
                        return server
                finally:
                    lock.release()
        # make_home says whose the folder is where it may not be entered.
        home = await anyio.to_thread.run_sync(make_home, place)
        if home.path != place:
            from confiture_embedded.abandoned import note_place

            await anyio.to_thread.run_sync(note_place, home, place)
        lock = await _locked(home)
        try:
            return await anyio.to_thread.run_sync(_start, home, wanted)
        finally:
            lock.release()

    def _status(self, ctx: Context, environment: Environment) -> ServerStatus:
        wanted = self.wanted(ctx, environment)
        place = home_of(ctx, environment, wanted.binaries)
        try:
            home = existing_home(place)
            if home is None:
                return ServerStatus(state="stopped", address="", detail=f"no server was made in {place} yet")
            server = cluster.running(home)
            size = _size(home.data)
            version = _version(wanted.binaries)
        except PermissionError as error:
            return ServerStatus(
                state="unreachable", address="", data=str(place), detail=f"no permission for {error.filename!r}"
            )
        if server is None:
            found = cluster.postmaster(home)
            detail = "it is starting or stopping" if found and cluster.alive(home, found.pid) else None
            return ServerStatus(
                state="stopped", address="", version=version, data=str(home.data), size_bytes=size, detail=detail
            )
        running = cluster.read_running(home)
        idle_s = float(running.get("idle_s", "0"))
        return ServerStatus(
            state="running",
            address=server.socket_file,
            version=version,
            data=str(home.data),
            pid=server.pid,
            since=datetime.fromtimestamp(server.since, UTC).isoformat(),
            size_bytes=size,
            idle_minutes=idle_s / 60 or None,
            detail=f"127.0.0.1:{server.port}, password in {home.password_file}" if wanted.port else None,
        )


def home_of(ctx: Context, environment: Environment, binaries: Binaries) -> Path:
    """The folder of the environment's server: the project's, or the user's scratch server of that version."""
    if environment.name != SCRATCH:
        return ctx.project.root.absolute() / ".confiture" / "server"
    name = f"scratch-{binaries.major}"
    if not binaries.wheel:
        name += f"-{hashlib.sha256(os.fsencode(binaries.bin_dir)).hexdigest()[:8]}"
    return cache_dir() / name


def _start(home: Home, wanted: cluster.Wanted) -> cluster.Postmaster:
    """Start and watch; the caller holds the lock."""
    from confiture_embedded.password import ensure_password  # hashlib's and hmac's C parts: only with a port

    server = cluster.start(home, wanted)
    _touch(home)
    ensure_watcher(home)
    if wanted.port is not None:
        ensure_password(home, wanted.binaries, server)
    return server


async def _locked(home: Home) -> FileLock:
    lock = cluster.home_lock(home)
    try:
        with anyio.fail_after(_LOCK_S):
            while not lock.try_lock():  # noqa: ASYNC110 - another process holds it
                await anyio.sleep(0.005)
    except TimeoutError as error:
        raise Busy(
            f"another process has been starting or stopping the server in {str(home.path)!r} for minutes",
            hint="wait for it, or end it",
        ) from error
    except FileNotFoundError as error:
        raise ServerError(f"the folder {str(home.path)!r} has just been removed", hint="run again") from error
    return lock


def _touch(home: Home) -> None:
    """Note that the server is wanted now: the watcher lets it live."""
    path = home.path / "used"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        give(descriptor, home.account, 0o600)
        os.utime(descriptor)
    finally:
        os.close(descriptor)


def _tell_changes(ctx: Context, home: Home, wanted: cluster.Wanted) -> None:
    server = cluster.postmaster(home)
    if server is None:
        return
    try:
        text = (home.data / "confiture.conf").read_text()
    except OSError:
        return
    changed = wanted.configuration(home, Path(server.socket)) != text
    running = cluster.read_running(home)
    changed = changed or running.get("bin_dir") != str(wanted.binaries.bin_dir)
    changed = changed or running.get("idle_s") != str(wanted.idle_minutes * 60)
    if changed:
        ctx.emit(
            Note(
                message="the running server has other settings than [embedded] in confiture.toml: they take effect at "
                "its next start (`confiture server stop`)"
            )
        )


def _database(ctx: Context, environment: Environment) -> str:
    if environment.name == SCRATCH:
        return "postgres"
    return environment.database or database_name(ctx.project.name, environment.name)


def configured_bin_dir(ctx: Context) -> str | None:
    """``[embedded] bin_dir`` as an absolute path; None for the wheel."""
    configured = ctx.settings("embedded", EmbeddedConfig).bin_dir
    return None if configured is None else str(ctx.project.root.absolute() / Path(configured).expanduser())


def _version(binaries: Binaries) -> str:
    run = subprocess.run([binaries.program("postgres"), "--version"], capture_output=True, text=True, check=False)
    return run.stdout.strip().removeprefix("postgres (PostgreSQL)").strip() or str(binaries.major)


def _size(folder: Path) -> int:
    """Bytes on disk, where files may vanish meanwhile."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                # A thousand files: a Path each would take twice as long.
                total += os.lstat(f"{place}/{name}").st_blocks * 512
    return total
