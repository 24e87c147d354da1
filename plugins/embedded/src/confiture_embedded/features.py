"""What a PostgreSQL installation was built without, by name."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["FEATURES", "Missing", "hint", "missing"]

#: Feature, as ``confiture.sql.features_named`` calls it: the switch of ``configure`` that gives it, what that is
#: called, and the extensions that need it.
FEATURES: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "icu": ("icu", "ICU", ()),
    "lz4": ("lz4", "lz4", ()),
    "zstd": ("zstd", "zstd", ()),
    "xml": ("libxml", "libxml", ("xml2",)),
    "tls": ("ssl", "OpenSSL", ("pgcrypto", "sslinfo")),
    "uuid": ("uuid", "a UUID library", ("uuid-ossp",)),
    "plpython3u": ("python", "Python", ("plpython3u",)),
    "plperl": ("perl", "Perl", ("plperl", "plperlu")),
    "pltcl": ("tcl", "Tcl", ("pltcl", "pltclu")),
}
#: What a schema can say instead, where PostgreSQL itself has it.
_INSTEAD = {
    "pgcrypto": "gen_random_uuid() and sha256() need no extension",
    "uuid-ossp": "gen_random_uuid() and, from PostgreSQL 18, uuidv7() need no extension",
    "uuid": "gen_random_uuid() and, from PostgreSQL 18, uuidv7() need no extension",
    "icu": "the builtin collations C.UTF-8 and pg_unicode_fast need no ICU",
    "lz4": "pglz compresses without it",
}


class Missing(Mapping[str, str]):
    """Feature or extension name: why it is missing. ``extensions`` are those that can be created."""

    def __init__(self, reasons: Mapping[str, str], extensions: frozenset[str]) -> None:
        self._reasons = reasons
        self.extensions = extensions

    def has_extension(self, name: str) -> bool:
        """Whether ``CREATE EXTENSION`` finds it."""
        return name in self.extensions

    def __getitem__(self, name: str) -> str:
        return self._reasons[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._reasons)

    def __len__(self) -> int:
        return len(self._reasons)


def missing(bin_dir: Path) -> Missing:
    """What the PostgreSQL in ``bin_dir`` lacks, from its ``pg_config`` and the extensions that are there.

    Without ``pg_config`` (some distributions package it apart) only the extensions are known.
    """
    said = _pg_config(bin_dir)
    options = {word.strip("'\"") for word in said.get("CONFIGURE", "").split()}
    share = Path(said["SHAREDIR"]) if "SHAREDIR" in said else _share(bin_dir)
    extensions = frozenset(path.stem for path in (share / "extension").glob("*.control"))
    reasons: dict[str, str] = {}
    for feature, (switch, library, needing) in FEATURES.items():
        if options and not _built_with(switch, options):
            why = f"its PostgreSQL was built without {library}"
            reasons[feature] = why
            reasons |= {name: why for name in needing if name not in extensions}
        reasons |= {name: "the extension is not installed" for name in needing if name not in extensions | set(reasons)}
    return Missing(reasons, extensions)


def hint(name: str) -> str:
    """The ways out, for a feature or extension that is missing."""
    ways = (
        "set [embedded] bin_dir to an installed PostgreSQL that has it, or give the environment a database_url "
        "of a server that has it"
    )
    return f"{_INSTEAD[name]}; or {ways}" if name in _INSTEAD else ways


def _built_with(switch: str, options: set[str]) -> bool:
    if switch == "icu":  # the one that is on unless it was turned off, since PostgreSQL 16
        return "--without-icu" not in options
    if switch == "ssl":
        return "--with-openssl" in options or any(option.startswith("--with-ssl") for option in options)
    return any(option == f"--with-{switch}" or option.startswith(f"--with-{switch}=") for option in options)


def _pg_config(bin_dir: Path) -> dict[str, str]:
    try:
        run = subprocess.run([bin_dir / "pg_config"], capture_output=True, text=True, check=False)
    except OSError:
        return {}
    return dict(line.split(" = ", 1) for line in run.stdout.splitlines() if " = " in line)


def _share(bin_dir: Path) -> Path:
    for place in (bin_dir.parent / "share", bin_dir.parent / "share" / "postgresql"):
        if (place / "extension").is_dir():
            return place
    return Path("/usr/share/postgresql") / bin_dir.parent.name
