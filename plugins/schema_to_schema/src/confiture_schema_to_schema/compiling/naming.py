"""Names as people write them, found in a catalog; and findings that say where something was written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from confiture.errors import ConfigError
from confiture.masking.rules import split_name
from confiture.registry import closest
from confiture_schema_to_schema.model import Finding

if TYPE_CHECKING:
    from confiture_schema_to_schema.values import Catalog, Column, Table, TableMap

__all__ = ["Findings", "find_column", "find_table", "nearest", "shown"]


class Findings:
    """All that is found, in order. ``file`` is how messages name the map."""

    def __init__(self, file: str | None) -> None:
        self._file = file
        self._found: dict[Finding, None] = {}  # the same is said once

    def error(
        self, check: str, table: str, message: str, *, hint: str | None = None, entry: TableMap | None = None
    ) -> None:
        """Something that stops a start. ``entry`` is where it was written."""
        self._add(Finding(level="error", check=check, table=table, message=self._at(entry) + message, hint=hint))

    def warning(
        self, check: str, table: str, message: str, *, hint: str | None = None, entry: TableMap | None = None
    ) -> None:
        """Something that people have to know before they start."""
        self._add(Finding(level="warning", check=check, table=table, message=self._at(entry) + message, hint=hint))

    def note(self, check: str, table: str, message: str, *, hint: str | None = None) -> None:
        """Something worth a word."""
        self._add(Finding(level="note", check=check, table=table, message=message, hint=hint))

    def all(self) -> tuple[Finding, ...]:
        """Errors first."""
        return tuple(sorted(self._found, key=lambda finding: ("error", "warning", "note").index(finding.level)))

    def _add(self, finding: Finding) -> None:
        self._found[finding] = None

    def _at(self, entry: TableMap | None) -> str:
        if entry is None or self._file is None:
            return ""
        place = self._file if entry.line is None else f"{self._file}:{entry.line}"
        return f"{place}: {entry.path}: " if entry.path else f"{place}: "


def find_table(catalog: Catalog, written: str) -> Table | None:
    """The table that ``written`` (``users``, ``app.users``, ``"My Table"``) is, by the search path.

    A label is good too, and so is a name whose capital letters nobody quoted, as long as the folded one is not there.
    """
    try:
        parts = split_name(written)
    except ConfigError:
        parts = ()
    for names in (parts, (written,)):
        if len(names) == 1:
            for schema in catalog.search_path:
                if (table := catalog.tables.get(f"{schema}.{names[0]}")) is not None and table.name == names[0]:
                    return table
        elif (
            len(names) == 2 and (table := catalog.tables.get(".".join(names))) is not None and table.schema == names[0]
        ):
            return table
    return catalog.tables.get(written)


def find_column(table: Table, written: str) -> Column | None:
    """The column that ``written`` is: by its very name, else as SQL reads it."""
    if (column := table.column(written)) is not None:
        return column
    try:
        parts = split_name(written)
    except ConfigError:
        return None
    return table.column(parts[0]) if len(parts) == 1 else None


def shown(table: Table, catalog: Catalog) -> str:
    """Its shortest name: without the schema where the search path leads to it."""
    return table.name if find_table(catalog, table.name) is table else table.label


def nearest(written: str, names: Iterable[str], else_: str) -> str:
    """A hint: the nearest of ``names``, else what else can be done."""
    near = closest(written, names)
    return f"did you mean {near!r}?" if near else else_
