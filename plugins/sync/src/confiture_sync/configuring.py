"""The file of rules, ``db/sync_config.yaml``: what is masked, and the rest of what a sync needs to be told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from confiture.config.reading import convert, read_file
from confiture.errors import ConfigError
from confiture.masking import Rule, read_rules

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["DEFAULT_FILES", "KeyPlace", "Reference", "Subset", "SyncFile", "find_file", "read_sync_file"]

#: Where the rules are, where nobody says so; the first that is there.
DEFAULT_FILES = ("db/sync_config.yaml", "db/sync_config.yml", "db/sync_config.toml")


class KeyPlace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the key is, if not in ``CONFITURE_ANONYMIZATION_KEY``: a file, what a command prints, or a keyring."""

    file: str | None = None
    command: str | None = None
    keyring: str | None = None


class Reference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"source": "from"}):
    """A foreign key that the database does not know: column ``source`` (``from``) holds values of column ``to``.

    ``when``: SQL over the raw row, for a column whose meaning depends on another.
    """

    source: str
    to: str
    when: str | None = None


class Subset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rows are copied; see ``SyncRequest``, whose own values come before these.

    ``sample`` may be written as one text, for every table.
    """

    where: Mapping[str, str] = {}
    sample: Mapping[str, str] = {}
    ids: Mapping[str, tuple[str | int, ...]] = {}
    children: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    max_rows: int | None = None


class _Written(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of the file."""

    tables: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    key: KeyPlace = KeyPlace()
    references: tuple[Reference, ...] = ()
    subset: Subset = Subset()
    coverage: str = "db/sync_coverage.toml"
    targets: tuple[str, ...] = ()
    #: Read by itself, with the lines of its rules.
    anonymize: None = None


class SyncFile(_Written, frozen=True, kw_only=True):
    """What the file says. ``rules`` are those of ``anonymize``, by table and column as they are written.

    ``tables`` and ``exclude`` are the selection where the command names none. ``coverage``: the file that lists the
    columns which somebody has looked at. ``targets``: environments that may be written to though they are not local.
    ``shown`` is how messages name the file; None: there is none.
    """

    rules: Mapping[str, Mapping[str, Rule]] = {}
    shown: str | None = None


def find_file(ctx: Context, config: str | None) -> Path | None:
    """The file that ``config`` names (from the working folder, else from the project's root), else the default one.

    Raises ``ConfigError`` where the file that was named is not there, or where there are two defaults.
    """
    root = ctx.project.root
    if config is not None:
        for path in (Path(config), root / config):
            if path.is_file():
                return path
        raise ConfigError(
            f"there is no file {config!r}", hint=f"write the rules there, or leave --config out for {DEFAULT_FILES[0]}"
        )
    found = [path for name in DEFAULT_FILES if (path := root / name).is_file()]
    if len(found) > 1:
        names = " and ".join(repr(ctx.project.shown(path)) for path in found)
        raise ConfigError(f"there are two files of rules: {names}", hint="remove one, or name one with --config")
    return found[0] if found else None


def read_sync_file(ctx: Context, config: str | None) -> SyncFile:
    """Read the file; an empty :class:`SyncFile` where there is none. Raises ``ConfigError`` with file and line."""
    path = find_file(ctx, config)
    if path is None:
        return SyncFile()
    shown = ctx.project.shown(path)
    document: dict[str, Any] = {**read_file(path, shown), "anonymize": None}
    subset = document.get("subset")
    if isinstance(subset, Mapping) and isinstance(subset.get("sample"), str):
        document["subset"] = {**subset, "sample": {"": subset["sample"]}}  # of every table, as on the command line
    written = convert(document, _Written, file=shown)
    return SyncFile(
        **{name: getattr(written, name) for name in _Written.__struct_fields__},
        rules=read_rules(path, shown),
        shown=shown,
    )
