"""Foreign keys that are cut: where the parent is not copied, the child forgets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from confiture.errors import Refused
from confiture.quoting import quote_ident
from confiture_sync.subset.keys import Key, as_text, unnested
from confiture_sync.values import ForeignKey, SyncTable

__all__ = ["columns_to_null", "has_parent"]

#: What a query names the list of parents: no table of somebody's.
_PARENTS = "confiture_parents"


def columns_to_null(table: SyncTable, cut: Sequence[ForeignKey]) -> Mapping[ForeignKey, tuple[str, ...]]:
    """Which columns of each key become NULL.

    With MATCH SIMPLE one is enough, so that columns which other foreign keys need, or which cannot be NULL, stay.
    Raises ``Refused`` where a column belongs to a MATCH FULL key that is not cut: half of that one would be NULL.
    """
    found = {}
    for key in cut:
        others = [other for other in table.foreign_keys if other not in cut]
        nullable = [name for name in key.columns if not _is_not_null(table, name)]
        names = list(key.columns) if key.full else nullable
        own = [name for name in names if not any(name in other.columns for other in others)]
        if not key.full and own:
            names = own
        torn = [other for other in others if other.full and set(names) & set(other.columns)]
        if torn or not names or not set(names) <= set(nullable):
            why = f"it shares columns with {torn[0].label!r}, which is MATCH FULL" if torn else "it is NOT NULL"
            raise Refused(f"{key.label!r} cannot be cut: {why}", hint="copy its parent too, or cut both")
        found[key] = tuple(names)
    return found


def _is_not_null(table: SyncTable, name: str) -> bool:
    column = table.mask.column(name)
    return column is None or column.not_null


def has_parent(table: SyncTable, key: ForeignKey, parent: Key | None, settings: Sequence[str] = ()) -> str:
    """SQL over the child's raw row: true where the columns of ``key`` may stay.

    ``parent`` are the referenced columns, whose values are in ``settings``, one for each; None: no row of it is copied.
    """
    name = quote_ident(table.mask.name)
    raws = [f"{name}.{quote_ident(column)}" for column in key.columns]
    conditions = []
    if parent is not None:
        known = unnested(parent, [f"pg_catalog.current_setting('{setting}')" for setting in settings], _PARENTS)
        picked = ", ".join(f"{_PARENTS}.{alias}" for alias in parent.aliases)
        sought = [
            f"{raw}::pg_catalog.text" if column is not None and as_text(column) else raw
            for raw, column in zip(raws, map(table.mask.column, key.columns), strict=True)
        ]
        conditions.append(f"({', '.join(sought)}) IN (SELECT {picked} FROM {known})")
    if len(raws) > 1 and not key.full:  # there is no parent where one is NULL, and the others say something else
        conditions += [f"{raw} IS NULL" for raw in raws]
    if key.when is not None:
        conditions.append(f"({key.when}\n) IS NOT TRUE")
    return " OR ".join(conditions) or "false"
