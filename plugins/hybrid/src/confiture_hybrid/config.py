"""``[hybrid]`` in confiture.toml."""

from __future__ import annotations

from typing import Annotated

import msgspec

__all__ = ["SECTION", "HybridConfig"]

SECTION = "hybrid"


class HybridConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Between which engines is chosen, and how.

    ``small`` is the engine for complex queries of fewer than ``rows`` rows, ``large`` the one for simple queries of
    more. ``sample``: both move up to ``sample_rows`` of a table's rows, which are taken back; the largest tables first,
    for ``sample_seconds`` altogether. ``margin``: the one that the rule does not name is chosen where it is so many
    times faster.
    """

    small: str = "fdw"
    large: str = "copy"
    rows: Annotated[int, msgspec.Meta(ge=0)] = 10_000_000
    sample: bool = True
    sample_rows: Annotated[int, msgspec.Meta(ge=1)] = 500_000
    sample_seconds: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    margin: Annotated[float, msgspec.Meta(ge=1)] = 1.5
