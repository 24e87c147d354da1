"""Where an unfinished run of sync keeps what it has taken off."""

from __future__ import annotations

from confiture.loading import Records

__all__ = ["sync_records"]

_NAME = "confiture_sync_objects"
_COMMENT = (
    "What an unfinished run of `confiture sync` has taken off its tables, and how to put it back. "
    "Go on with `confiture sync ... --resume`, or put everything back with `confiture sync abandon`."
)


def sync_records(schema: str) -> Records:
    """The records in ``schema``, which is confiture's own."""
    return Records(schema, _NAME, _COMMENT)
