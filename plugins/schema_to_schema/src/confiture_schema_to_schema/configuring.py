"""``[schema-to-schema]`` in confiture.toml."""

from __future__ import annotations

from typing import Annotated

import msgspec

__all__ = ["DEFAULT_MAPS", "DEFAULT_SOURCE", "DEFAULT_TARGET", "SECTION", "SchemaToSchemaConfig"]

SECTION = "schema-to-schema"
DEFAULT_SOURCE = "production"
DEFAULT_TARGET = "production_new"
#: Where the map is, where nobody says so; the first that is there. None at all is a map without a word.
DEFAULT_MAPS = ("db/migration_map.yaml", "db/migration_map.yml", "db/migration_map.toml")


class SchemaToSchemaConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"source": "from", "target": "to"}
):
    """What the command's options are, where they are not given, and how hard the servers are used.

    ``source`` (``from``) and ``target`` (``to``) are environments or connection strings; None: ``production`` and
    ``production_new``. ``mapping`` is the file; ``strategy`` the transfer engine. ``jobs``: sessions at once; None: as
    many as this machine has processors, four at most. ``chunk_mb``: what is read under one snapshot.

    ``capture``: what tells of rows that change from the start on, ``triggers`` or ``slot``; ``none``: the new database
    stays as the old one was when it was copied, and there is nothing to follow or to cut over.

    ``max_mb_per_second``: all sessions together; None: no limit. ``max_active_sessions``: of others on the source,
    above which copying waits; ``max_replica_lag_s``: of the slowest replica of either server. None: not looked at.
    ``wait_while``: a query over the source; copying waits while it gives true, or a text, which says why.

    ``max_away_s``: for so long a copy and a following wait for a server that went away.

    ``max_log_mb``: of changes that wait, on the server that is written to. Where it is more while a copy or a
    following is at work, the capture is taken away rather than that its disk gets full. None: no limit.
    """

    source: str | None = None
    target: str | None = None
    mapping: str | None = None
    strategy: str = "fdw"
    capture: str = "triggers"
    jobs: int | None = None
    chunk_mb: int = 64
    max_mb_per_second: float | None = None
    max_active_sessions: int | None = None
    max_replica_lag_s: float | None = None
    max_away_s: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    wait_while: str | None = None
    max_log_mb: float | None = None
