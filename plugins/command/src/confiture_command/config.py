"""``[command]`` in confiture.toml."""

from __future__ import annotations

from typing import Annotated

import msgspec

__all__ = ["SECTION", "CommandConfig"]

SECTION = "command"


class CommandConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The programs, each with its arguments, no shell. ``seconds``: for how long ``switch`` and ``release`` may run."""

    hold: tuple[str, ...] = ()
    switch: tuple[str, ...] = ()
    release: tuple[str, ...] = ()
    seconds: Annotated[float, msgspec.Meta(gt=0)] = 30.0
