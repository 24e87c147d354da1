"""Baselines that stand for migrations that are gone: what a file says of that, and the row that records it."""

from __future__ import annotations

from confiture.errors import SourceUnreadable
from confiture.migrations.finding import MigrationFile
from confiture.migrations.loading import read_migration
from confiture.migrations.tracking import Record

__all__ = ["replaces_of", "squashed_record"]


def replaces_of(file: MigrationFile) -> tuple[str, ...]:
    """The versions that a migration stands for. Raises ``SourceError`` where its file cannot be read.

    Only a file whose text speaks of it is run: this is asked of many.
    """
    if file.is_sql:
        return ()
    try:
        if b"replaces" not in file.path.read_bytes():
            return ()
    except OSError as error:
        raise SourceUnreadable(f"cannot be read: {error.strerror}", file=file.shown) from error
    return read_migration(file).replaces


def squashed_record(file: MigrationFile) -> Record:
    """The row that says that a database has what the baseline stands for."""
    migration = read_migration(file)
    return Record(
        version=file.version,
        name=file.name,
        checksum=migration.checksum,
        state="squashed",
        seconds=0.0,
        message=f"stands for {', '.join(migration.replaces)}",
    )
