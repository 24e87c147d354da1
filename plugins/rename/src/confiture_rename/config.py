"""``[rename]`` in confiture.toml."""

from __future__ import annotations

from typing import Annotated

import msgspec

__all__ = ["SECTION", "RenameConfig"]

SECTION = "rename"


class RenameConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``suffix``: what is put behind the name of a database that is no longer the live one."""

    suffix: Annotated[str, msgspec.Meta(min_length=1, max_length=32)] = "_old"
