"""``[slot]`` in confiture.toml."""

from __future__ import annotations

from typing import Annotated

import msgspec

__all__ = ["SECTION", "SlotConfig"]

SECTION = "slot"


class SlotConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long may be waited for others.

    ``lock_timeout_s``: how long one try waits for a table, with the table's writers waiting behind it; ``wait_s``: how
    long all tries for one table may take; ``create_s``: how long older transactions may hold up the slot.
    """

    lock_timeout_s: Annotated[float, msgspec.Meta(ge=0.01)] = 2.0
    wait_s: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    create_s: Annotated[float, msgspec.Meta(ge=0.01)] = 60.0
