"""What all requests have."""

from __future__ import annotations

import msgspec

__all__ = ["SidesRequest"]


class SidesRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``source`` and ``target``: an environment's name or a connection string; ``mapping``: the map's file.

    None: as ``[schema-to-schema]`` says, else ``production``, ``production_new`` and ``db/migration_map.yaml`` where
    these exist.
    """

    source: str | None = None
    target: str | None = None
    mapping: str | None = None
