"""The migration map, as it is written: YAML or TOML into values, ``custom_sql`` into its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture_schema_to_schema.values import MigrationMap

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["read_map"]


def read_map(ctx: Context, written: str | None) -> MigrationMap:
    """The map that ``written`` names, else ``[schema-to-schema] mapping``, else the default file, else an empty one.

    Raises ``ConfigError`` with file, line and path of a key that means nothing, or SQL that is none.
    """
    raise NotImplementedError
