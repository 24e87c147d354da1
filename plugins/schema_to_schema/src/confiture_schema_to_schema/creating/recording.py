"""Where a migration keeps what it has taken off the new database's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confiture.config.project import MigrationsConfig
from confiture.loading import Records

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["records_of"]

_NAME = "confiture_move_objects"
_COMMENT = (
    "What `confiture migrate schema-to-schema` has taken off the tables that it fills, and how to put it back. "
    "`confiture migrate schema-to-schema resume` does that when the rows are there."
)


def records_of(ctx: Context) -> Records:
    """The records, in confiture's own schema of the new database."""
    return Records(ctx.settings("migrations", MigrationsConfig).schema, _NAME, _COMMENT)
