"""``[triggers]`` in confiture.toml."""

from __future__ import annotations

from typing import Annotated

import msgspec

__all__ = ["SECTION", "TriggersConfig"]

SECTION = "triggers"


class TriggersConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the log is, and how long writers may have to wait for a trigger.

    ``schema`` is made where it is not there. ``lock_timeout_s``: how long one try waits for a table, with the table's
    writers waiting behind it; ``wait_s``: how long all tries for one table may take.
    """

    schema: Annotated[str, msgspec.Meta(min_length=1)] = "confiture_capture"
    lock_timeout_s: Annotated[float, msgspec.Meta(ge=0.01)] = 2.0
    wait_s: Annotated[float, msgspec.Meta(ge=0)] = 60.0
