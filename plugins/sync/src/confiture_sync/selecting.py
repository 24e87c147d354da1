"""Which tables are copied: names, wildcards, exclusions, and the parents that go with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from confiture.errors import Refused, UsageError
from confiture.masking.rules import split_name
from confiture.registry import closest
from confiture_sync.values import Catalog, ForeignKey, Selected, SyncTable

__all__ = ["find_columns", "find_tables", "select"]


def find_tables(catalog: Catalog, written: str, *, option: str) -> tuple[SyncTable, ...]:
    """The tables that a name or a pattern means: ``posts``, ``billing.*``, ``"My Table"``.

    A name without a schema is looked for along the search path, then in all schemas where only one has it. A pattern
    without one means the search path's. Raises ``UsageError`` where there is none, with the nearest name.
    """
    *above, name = split_name(written)
    if len(above) > 1:
        raise UsageError(f"{option}: {written!r} has too many parts", hint="write table or schema.table")
    schemas = above or list(catalog.search_path)
    patterned = "*" in written and '"' not in written
    found = [
        table
        for table in catalog.tables.values()
        if any(_same(table.mask.schema, schema, patterned) for schema in schemas)
        and _same(table.mask.name, name, patterned)
    ]
    if not above and not patterned:
        # As PostgreSQL has it: the first schema of the path wins.
        found.sort(key=lambda table: schemas.index(table.mask.schema))
        found = found[:1] or [table for table in catalog.tables.values() if table.mask.name == name]
        if len(found) > 1:
            both = ", ".join(table.label for table in found)
            raise UsageError(f"{option}: {written!r} may be each of {both}", hint="write it with its schema")
    if not found:
        raise _unknown(catalog, written, option)
    return tuple(found)


def find_columns(catalog: Catalog, written: str, *, option: str) -> tuple[tuple[SyncTable, str], ...]:
    """The columns that ``table.column`` means, either with wildcards. Raises ``UsageError`` as :func:`find_tables`."""
    *above, column = split_name(written)
    if not above:
        raise UsageError(f"{option}: {written!r} has no table", hint="write table.column")
    table_written = _without_last(written)
    tables = find_tables(catalog, table_written, option=option)
    patterned = "*" in column and '"' not in written
    found = [
        (table, each.name) for table in tables for each in table.mask.columns if _same(each.name, column, patterned)
    ]
    if not found:
        names = [each.name for table in tables for each in table.mask.columns]
        near = closest(column, names)
        raise UsageError(
            f"{option}: {tables[0].label!r} has no column {column!r}",
            hint=(f"did you mean {near!r}? " if near else "") + f"the columns are: {', '.join(names)}",
        )
    return tuple(found)


def select(
    catalog: Catalog,
    *,
    tables: Sequence[str],
    exclude: Sequence[str],
    cut: Sequence[str],
    with_parents: bool,
) -> Selected:
    """The tables to copy.

    Raises ``Refused`` where a table references one that is not copied, and the key is not cut: its rows would have no
    parents in the target. Raises ``UsageError`` for names that mean nothing, and where nothing is left.
    """
    named = _unique(t for name in tables for t in find_tables(catalog, name, option="--tables"))
    out = {t.label for name in exclude for t in find_tables(catalog, name, option="--exclude")}
    chosen = {t.label: t for t in (named if tables else catalog.tables.values()) if t.label not in out}
    if not chosen:
        raise UsageError(
            "no table is left to copy" if catalog.tables else "the source has no tables",
            hint="see --tables and --exclude" if catalog.tables else "is it the right database?",
        )
    cuts = {(t.label, column) for name in cut for t, column in find_columns(catalog, name, option="--cut")}
    dangling: list[ForeignKey] = []
    cutting: list[ForeignKey] = []
    waiting = list(chosen.values())
    while waiting:
        table = waiting.pop()
        for key in table.foreign_keys:
            if any((table.label, column) in cuts for column in key.columns):
                _check_cut(key)
                cutting.append(key)
            elif key.parent in chosen or key.parent not in catalog.tables:
                continue
            elif with_parents and key.parent not in out:
                chosen[key.parent] = catalog.tables[key.parent]
                waiting.append(chosen[key.parent])
            else:
                dangling.append(key)
    # A parent that was added later is no longer missing.
    dangling = [key for key in dangling if key.parent not in chosen]
    if dangling:
        listed = "; ".join(f"{key.label} references {key.parent}" for key in dangling)
        raise Refused(
            f"parents of rows would not be copied: {listed}",
            hint="--with-parents copies them too; --cut table.column makes a nullable foreign key NULL",
        )
    return Selected(
        tables=tuple(catalog.tables[label] for label in sorted(chosen)),
        cut=tuple(sorted(cutting, key=lambda key: (key.table, key.name))),
    )


def _check_cut(key: ForeignKey) -> None:
    if not key.nullable:
        raise Refused(
            f"{key.label!r} cannot be cut: it is NOT NULL", hint="copy its parent too, or leave the table out"
        )


def _same(name: str, wanted: str, patterned: bool) -> bool:
    return fnmatchcase(name, wanted) if patterned else name == wanted


def _without_last(written: str) -> str:
    """``"My.Table".x`` without ``.x``."""
    quoted = False
    for place in range(len(written) - 1, -1, -1):
        if written[place] == '"':
            quoted = not quoted
        elif written[place] == "." and not quoted:
            return written[:place]
    return ""


def _unique(tables: Iterable[SyncTable]) -> list[SyncTable]:
    return list({table.label: table for table in tables}.values())


def _unknown(catalog: Catalog, written: str, option: str) -> UsageError:
    names = [table.mask.name for table in catalog.tables.values()] + list(catalog.tables)
    near = closest(written, names)
    return UsageError(
        f"{option}: the source has no table {written!r}",
        hint=(f"did you mean {near!r}? " if near else "") + (f"it has: {', '.join(sorted(catalog.tables))}"),
    )
