"""``[fdw]`` in confiture.toml."""

from __future__ import annotations

import msgspec

__all__ = ["SECTION", "FdwConfig"]

SECTION = "fdw"


class FdwConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the target reaches the source.

    ``source`` is a connection string or keywords (``host=10.0.0.5 port=5432``): what it says takes the place of what
    the source's environment says, for the target's own connection. ``fetch_size``: rows that the target asks for at
    once; None: about 2 MB of them.
    """

    source: str | None = None
    fetch_size: int | None = None
