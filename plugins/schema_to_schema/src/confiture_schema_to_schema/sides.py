"""The two databases of a migration, and what is used where nobody names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from confiture.errors import UsageError
from confiture.sides import find_side
from confiture_schema_to_schema.configuring import DEFAULT_SOURCE, DEFAULT_TARGET, SECTION, SchemaToSchemaConfig
from confiture_schema_to_schema.values import Sides

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["find_sides", "lock_name"]


class _Named(Protocol):
    @property
    def source(self) -> str | None: ...
    @property
    def target(self) -> str | None: ...


async def find_sides(ctx: Context, request: _Named) -> Sides:
    """Both databases: as the request says, else ``[schema-to-schema]``, else the environments of the usual names.

    Neither needs to be there. Raises ``UnknownEnvironment`` with the nearest name, ``UsageError`` where both are one.
    """
    config = ctx.settings(SECTION, SchemaToSchemaConfig)
    named = request.target or config.target or DEFAULT_TARGET
    source = await find_side(ctx, request.source or config.source or DEFAULT_SOURCE, "--from")
    target = await find_side(ctx, named, "--to")
    # By address only: whether two addresses lead to one database is asked of the servers (checking).
    if all(source.params.get(key) == target.params.get(key) for key in ("host", "port", "dbname")):
        raise UsageError(
            f"--from and --to are one database: {source.database!r}",
            hint="the new schema needs a database of its own: name another one with --to",
        )
    environment = None if "://" in named or "=" in named else named
    return Sides(source=source, target=target, environment=environment)


def lock_name(sides: Sides) -> str:
    """The lock, on the new database's server, of the process that is at work on it."""
    return f"schema-to-schema {sides.target.database}"
