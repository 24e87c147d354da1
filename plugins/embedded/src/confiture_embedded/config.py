"""``[embedded]`` in confiture.toml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

__all__ = ["EmbeddedConfig"]


class EmbeddedConfig(msgspec.Struct, frozen=True, kw_only=True):
    """``[embedded]``. A change takes effect at the server's next start.

    ``bin_dir``: the folder of an installed PostgreSQL's programs, instead of the wheel's; relative to the project.
    ``port``: listen on 127.0.0.1 too. ``idle_minutes``: an environment's server ends itself after so long without a
    client, 0 for never; ``scratch_idle_minutes``: the scratch server. ``idle_check_seconds``: how often that is
    looked at. ``settings``: any of postgresql.conf, for the environments' server (``[embedded.settings]``).
    """

    bin_dir: str | None = None
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None = None
    idle_minutes: Annotated[float, msgspec.Meta(ge=0)] = 30
    scratch_idle_minutes: Annotated[float, msgspec.Meta(ge=0)] = 10
    idle_check_seconds: Annotated[float, msgspec.Meta(gt=0)] = 15
    settings: Mapping[str, str | int | float | bool] = {}
