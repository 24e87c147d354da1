"""Which tables of the old database go into which of the new one, and those of which nobody says where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from confiture.errors import UsageError
from confiture.registry import closest
from confiture_schema_to_schema.compiling.naming import find_table, nearest, shown
from confiture_schema_to_schema.mapping.custom import CustomSql, custom_sql
from confiture_schema_to_schema.mapping.expressions import SqlError
from confiture_schema_to_schema.values import Catalog, MigrationMap, Table, TableMap

if TYPE_CHECKING:
    from confiture_schema_to_schema.compiling.naming import Findings

__all__ = ["Way", "find_ways"]


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """From a table of the old database into one of the new one. ``entry`` None: nobody said so, they have one name."""

    source: Table
    target: Table
    entry: TableMap | None = None
    custom: CustomSql | None = None


def find_ways(
    old: Catalog, new: Catalog, map_: MigrationMap, tables: Sequence[str], findings: Findings
) -> tuple[tuple[Way, ...], tuple[Way, ...]]:
    """All ways, in the order of the map, then of the names; those of ``tables`` where there are any, and the others.

    What is wrong with others is not said. Raises ``UsageError`` for a name of ``tables`` that is of neither database.
    """
    chosen_old, chosen_new = _chosen(old, new, tables)
    everything = not tables
    ways: list[Way] = []
    handled: set[str] = set()
    for entry in map_.tables:
        source = find_table(old, entry.source)
        if source is None:
            if everything:
                findings.error(
                    "map",
                    entry.source,
                    f"the old database has no table {entry.source!r}",
                    hint=nearest(entry.source, _names(old), "take it out of the map"),
                    entry=entry,
                )
            continue
        handled.add(source.label)
        target, custom = _target(source, new, entry, findings if everything or source.label in chosen_old else None)
        if target is not None:
            ways.append(Way(source=source, target=target, entry=entry, custom=custom))
    dropped: set[str] = set()
    for name in map_.drop:
        if (table := find_table(old, name)) is not None:
            dropped.add(table.label)
        elif everything:
            hint = nearest(name, _names(old), "take it out of 'drop'")
            findings.error("map", name, f"{_file(map_)}'drop': the old database has no table {name!r}", hint=hint)
    for label, table in old.tables.items():
        if label in dropped:
            if label in handled and (everything or label in chosen_old):
                findings.error(
                    "map", label, f"{_file(map_)}{label!r} is in 'tables' and in 'drop'", hint="take one out"
                )
            continue
        if label in handled:
            continue
        if label in new.tables:
            ways.append(Way(source=table, target=new.tables[label]))
        elif everything or label in chosen_old:
            findings.error(
                "unmapped",
                label,
                f"the new database has no table {label!r}, and the map does not say where its rows go",
                hint=nearest(
                    shown(table, old), _names(new), "give it a target in the map, or name it under 'drop'"
                ).replace("did you mean", "is it now"),
            )
    if everything:
        return tuple(ways), ()
    # A table is filled by all its ways, or it would lack rows.
    targets = chosen_new | {way.target.label for way in ways if way.source.label in chosen_old}
    chosen = tuple(way for way in ways if way.target.label in targets)
    return chosen, tuple(way for way in ways if way.target.label not in targets)


def _file(map_: MigrationMap) -> str:
    return f"{map_.shown}: " if map_.shown else ""


def _names(catalog: Catalog) -> list[str]:
    return [shown(table, catalog) for table in catalog.tables.values()]


def _chosen(old: Catalog, new: Catalog, tables: Sequence[str]) -> tuple[set[str], set[str]]:
    chosen_old, chosen_new = set(), set()
    for name in tables:
        one, other = find_table(old, name), find_table(new, name)
        if one is None and other is None:
            near = closest(name, [*_names(old), *_names(new)])
            raise UsageError(
                f"neither database has a table {name!r}",
                hint=f"did you mean {near!r}?" if near else "name tables of the old or the new database",
            )
        chosen_old |= {one.label} if one is not None else set()
        chosen_new |= {other.label} if other is not None else set()
    return chosen_old, chosen_new


def _target(
    source: Table, new: Catalog, entry: TableMap, findings: Findings | None
) -> tuple[Table | None, CustomSql | None]:
    """The table of the new database. ``findings`` None: nobody wants to hear."""
    custom = None
    if entry.custom_sql is not None:
        try:
            custom = custom_sql(entry.custom_sql)
        except SqlError as error:
            if findings is not None:
                findings.error("map", source.label, f"custom_sql: {error.message}", hint=error.hint, entry=entry)
            return None, None
    written = entry.target
    if custom is not None:
        target = _inserted(custom, new)
        if written is not None and target is not None and find_table(new, written) is not target:
            if findings is not None:
                findings.error(
                    "map",
                    source.label,
                    f"its target is {written!r}, and its custom_sql inserts into {target.label!r}",
                    hint="leave 'target' out, or let both name one table",
                    entry=entry,
                )
            return None, None
        written = f"{custom.schema}.{custom.table}" if custom.schema else custom.table
    elif written is None:
        target = new.tables.get(source.label)
        written = source.label
    else:
        target = find_table(new, written)
    if target is None and findings is not None:
        findings.error(
            "map" if entry.target or custom else "unmapped",
            source.label,
            f"the new database has no table {written!r}"
            + ("" if entry.target or custom else ", and the map does not say where its rows go"),
            hint=nearest(written, _names(new), "give it a 'target': a table of the new database"),
            entry=entry,
        )
    return target, custom


def _inserted(custom: CustomSql, new: Catalog) -> Table | None:
    """What custom_sql inserts into. A schema that is not there stands for the search path: it was another database."""
    schemas = {table.schema for table in new.tables.values()}
    if custom.schema is not None and custom.schema in schemas:
        return new.tables.get(f"{custom.schema}.{custom.table}")
    for schema in new.search_path:
        if (table := new.tables.get(f"{schema}.{custom.table}")) is not None and table.name == custom.table:
            return table
    return None
