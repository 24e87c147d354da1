"""Which tables are copied: names, wildcards, exclusions, and the parents that go with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from confiture.errors import Refused, UsageError
from confiture.registry import closest
from confiture_sync.spelling import Part, quoted, read_name
from confiture_sync.spelling import written as written_back
from confiture_sync.values import Catalog, ForeignKey, Selected, SyncTable

__all__ = ["find_columns", "find_tables", "select"]

#: A hint that lists hundreds of tables helps nobody.
_MOST_LISTED = 20


def find_tables(catalog: Catalog, written: str, *, option: str) -> tuple[SyncTable, ...]:
    """The tables that a name or a pattern means: ``posts``, ``billing.*``, ``"My Table"``.

    A name without a schema is looked for along the search path, then in all schemas where only one has it. A pattern
    without one means the search path's. Raises ``UsageError`` where there is none, with the nearest name.
    """
    return _find_tables(catalog, read_name(written, option=option), written, option)


def find_columns(catalog: Catalog, written: str, *, option: str) -> tuple[tuple[SyncTable, str], ...]:
    """The columns that ``table.column`` means, either with wildcards. Raises ``UsageError`` as :func:`find_tables`."""
    *above, column = read_name(written, option=option)
    if not above:
        raise UsageError(f"{option}: {written!r} has no table", hint="write table.column")
    tables = _find_tables(catalog, above, written, option)
    found = [(table, each.name) for table in tables for each in table.mask.columns if column.fits(each.name)]
    if not found:
        names = list(dict.fromkeys(each.name for table in tables for each in table.mask.columns))
        where = repr(tables[0].label) if len(tables) == 1 else f"none of {len(tables)} tables"
        no = "has no" if len(tables) == 1 else "has a"
        raise UsageError(
            f"{option}: {where} {no} column {column.text!r}",
            hint=_near(
                column.text, {name: quoted(name) for name in names}, "the columns are", list(map(quoted, names))
            ),
        )
    return tuple(found)


def _find_tables(catalog: Catalog, parts: Sequence[Part], written: str, option: str) -> tuple[SyncTable, ...]:
    *above, name = parts
    if len(above) > 1:
        raise UsageError(f"{option}: {written!r} has too many parts", hint="write table or schema.table")
    path = list(catalog.search_path)
    schemas = above or [Part(schema) for schema in path]
    tables = catalog.tables.values()
    found = [
        table
        for table in tables
        if any(schema.fits(table.mask.schema) for schema in schemas) and name.fits(table.mask.name)
    ]
    if not above and not name.pattern:
        # As PostgreSQL has it: the first schema of the path wins.
        found.sort(key=lambda table: path.index(table.mask.schema))
        found = found[:1] or [table for table in tables if table.mask.name == name.text]
        if len(found) > 1:
            both = ", ".join(written_back(table.mask, ()) for table in found)
            raise UsageError(f"{option}: {written!r} may be each of {both}", hint="write it with its schema")
    if not found:
        spelled = {table.label: written_back(table.mask, path) for table in tables}
        names = {**spelled, **{table.mask.name: spelled[table.label] for table in tables}}
        raise UsageError(
            f"{option}: the source has no table {written!r}",
            hint=_near(".".join(part.text for part in parts), names, "it has", sorted(spelled.values())),
        )
    return tuple(found)


def _near(name: str, names: Mapping[str, str], what: str, all_: Sequence[str]) -> str:
    """A hint: the name that was meant, as it must be written, and those that there are."""
    near = closest(name, names)
    listed = ", ".join(all_[:_MOST_LISTED])
    more = f" and {len(all_) - _MOST_LISTED} more" if len(all_) > _MOST_LISTED else ""
    return (f"did you mean {names[near]}? " if near else "") + f"{what}: {listed or 'none'}{more}"


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
    cutting = _cut_keys(catalog, cut)
    waiting = list(chosen.values()) if with_parents else []
    while waiting:
        for key in waiting.pop().foreign_keys:
            parent = catalog.tables.get(key.parent)
            if key not in cutting and parent is not None and not {parent.label} & (chosen.keys() | out):
                chosen[parent.label] = parent
                waiting.append(parent)
    dangling = [
        key
        for table in chosen.values()
        for key in table.foreign_keys
        if key not in cutting and key.parent not in chosen and key.parent in catalog.tables
    ]
    if dangling:
        listed = "; ".join(f"{key.label} references {key.parent}" for key in dangling)
        nullable = next((key for key in dangling if key.nullable), None)
        cut_hint = f"; --cut {_spelled(catalog, nullable)} makes that foreign key NULL" if nullable else ""
        hint = f"--with-parents copies them too{cut_hint}"
        if any(key.parent in out for key in dangling):
            hint = f"do not exclude them, or exclude the tables that reference them{cut_hint}"
        raise Refused(f"parents of rows would not be copied: {listed}", hint=hint)
    return Selected(
        tables=tuple(catalog.tables[label] for label in sorted(chosen)),
        cut=tuple(sorted((key for key in cutting if key.table in chosen), key=lambda key: (key.table, key.name))),
    )


def _cut_keys(catalog: Catalog, names: Sequence[str]) -> set[ForeignKey]:
    """The foreign keys that columns of ``--cut`` belong to. Raises ``UsageError``, ``Refused`` for a NOT NULL one."""
    found = set()
    for name in names:
        columns = find_columns(catalog, name, option="--cut")
        keys = [key for table, column in columns for key in table.foreign_keys if column in key.columns]
        if not keys:
            one = ", ".join(written_back(table.mask, catalog.search_path, column) for table, column in columns[:3])
            has = sorted({_spelled(catalog, key) for table, _ in columns for key in table.foreign_keys})
            raise UsageError(
                f"--cut: {one} is no foreign key",
                hint=f"those of its table are: {', '.join(has)}" if has else "its table has none: leave it out",
            )
        for key in keys:
            if not key.nullable:
                raise Refused(
                    f"{key.label!r} cannot be cut: it is NOT NULL", hint="copy its parent too, or leave the table out"
                )
        found.update(keys)
    return found


def _spelled(catalog: Catalog, key: ForeignKey) -> str:
    """The column of a foreign key as ``--cut`` takes it: one of several does for all."""
    return written_back(catalog.tables[key.table].mask, catalog.search_path, key.columns[0])


def _unique(tables: Iterable[SyncTable]) -> list[SyncTable]:
    return list({table.label: table for table in tables}.values())
