"""What the first map is made of."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from confiture_schema_to_schema.model.sides import SidesRequest

__all__ = ["MapReport", "MapRequest"]


class MapRequest(SidesRequest, frozen=True, kw_only=True):
    """Write a first map. ``output``: the file; None: ``db/migration_map.yaml``. ``force``: replace one that is there.

    ``renames`` and ``drops`` as in ``confiture migrate diff`` (``old=new``).
    """

    output: str | None = None
    force: bool = False
    renames: Mapping[str, str] = {}
    drops: tuple[str, ...] = ()


class MapReport(msgspec.Struct, frozen=True, kw_only=True):
    """``text`` is the map; ``open``: what somebody has to decide, as it stands in the file as comments."""

    path: str
    text: str
    renames: int = 0
    open: tuple[str, ...] = ()
