"""``[pgbouncer]`` in confiture.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from confiture.errors import ConfigError

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["SECTION", "PgbouncerConfig", "Pooler", "poolers"]

SECTION = "pgbouncer"


class Pooler(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One process of PgBouncer.

    ``admin``: the address of its admin console, of a role in ``admin_users``. ``database``: the name that applications
    connect to. ``config_file``: the file that has its line in ``[databases]``, on this machine; or ``command``: a
    program with its arguments that has the line lead elsewhere, within ``seconds``.
    """

    admin: str = ""
    database: str = ""
    config_file: str | None = None
    command: tuple[str, ...] = ()
    seconds: Annotated[float, msgspec.Meta(gt=0)] = 30.0


class PgbouncerConfig(Pooler, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pooler, or ``poolers``: several, each with the same keys."""

    poolers: tuple[Pooler, ...] = ()


def poolers(ctx: Context) -> tuple[Pooler, ...]:
    """All that are configured. Raises ``ConfigError`` where there is none, or one that says too little or too much."""
    config = ctx.settings(SECTION, PgbouncerConfig)
    found = config.poolers or (config,)
    if config.poolers and (config.admin or config.database or config.config_file or config.command):
        raise ConfigError(
            "[pgbouncer] has the keys of one pooler and a list of poolers",
            hint="move the keys into a [[pgbouncer.poolers]] of their own",
        )
    for pooler in found:
        for key in ("admin", "database"):
            if not getattr(pooler, key):
                raise ConfigError(f"[pgbouncer] lacks {key!r}", hint="see docs/reference/switches.md")
        if (pooler.config_file is None) == (not pooler.command):
            raise ConfigError(
                "[pgbouncer] needs one of 'config_file' and 'command', and not both",
                hint="config_file: where this machine has PgBouncer's own file; command: a program that rewrites it",
            )
    return found
