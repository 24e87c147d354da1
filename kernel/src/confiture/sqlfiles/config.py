"""The table ``[files]`` of ``confiture.toml``."""

from __future__ import annotations

import msgspec

__all__ = ["DEFAULT_SEEDS", "FilesConfig"]

#: Where seeds are looked for when the configuration does not say: this folder may be missing, a named one may not.
DEFAULT_SEEDS = ("db/seeds",)


class FilesConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Which files make the schema. Folders are relative to the project's root.

    ``roots`` are folders (or single files), taken one after the other. ``include`` and ``exclude`` are patterns
    relative to each root, see :mod:`confiture.sqlfiles.patterns`; without ``include`` every ``.sql`` file is taken.
    ``seeds`` are the folders of the stage ``seeds``; None means ``db/seeds``, which may be missing.
    """

    roots: tuple[str, ...] = ("db/schema",)
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    seeds: tuple[str, ...] | None = None
