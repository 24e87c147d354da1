"""The file of the map into :class:`~confiture_schema_to_schema.values.MigrationMap`. Names are not looked up here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confiture.errors import ConfigError
from confiture.masking.rules import split_name
from confiture_schema_to_schema.configuring import DEFAULT_MAPS, SECTION, SchemaToSchemaConfig
from confiture_schema_to_schema.mapping.custom import custom_sql
from confiture_schema_to_schema.mapping.document import Entry, read_document
from confiture_schema_to_schema.mapping.expressions import SqlError, check_expression, check_query, check_row_expression
from confiture_schema_to_schema.values import ColumnMap, LookupMap, MigrationMap, TableMap

if TYPE_CHECKING:
    from confiture.protocols import Context

__all__ = ["read_map"]

_TABLES = "write the old table, and what becomes of it below: users: {target: accounts}"
_COLUMNS = "write old_name: new_name"


def read_map(ctx: Context, written: str | None) -> MigrationMap:
    """The map that ``written`` names, else ``[schema-to-schema] mapping``, else the default file, else an empty one.

    Raises ``ConfigError`` with file, line and path of a key that means nothing, or SQL that is none.
    """
    found = _find(ctx, written)
    if found is None:
        return MigrationMap()
    path, shown = found
    top = read_document(path, shown).keys("tables", "drop")
    maps: list[TableMap] = []
    tables = top["tables"].by_name(_TABLES, tables=True) if "tables" in top and top["tables"].value is not None else {}
    for source, entry in tables.items():
        maps += _read_table(source, entry)
    drop = top["drop"].tables() if "drop" in top and top["drop"].value is not None else ()
    for name in drop:
        used = next((entry for source, entry in tables.items() if split_name(source) == split_name(name)), None)
        if used is not None:
            raise top["drop"].error(
                f"{name!r} is below 'tables' too", hint="a table is taken or dropped: take one of them out"
            )
    return MigrationMap(tables=tuple(maps), drop=drop, shown=shown)


def _find(ctx: Context, written: str | None) -> tuple[Path, str] | None:
    """The file, and how messages name it; None where nobody names one and none is there."""
    root = ctx.project.root
    if written is not None:
        path = next((path for path in (Path(written), root / written) if path.is_file()), None)
        if path is None:
            raise ConfigError(f"there is no migration map {written!r}", hint=_WRITE_ONE)
        return path, written
    configured = ctx.settings(SECTION, SchemaToSchemaConfig).mapping
    if configured is not None:
        if not (root / configured).is_file():
            raise ConfigError(
                f"there is no migration map {configured!r}, which [{SECTION}] mapping names", hint=_WRITE_ONE
            )
        return root / configured, configured
    return next(((root / name, name) for name in DEFAULT_MAPS if (root / name).is_file()), None)


_WRITE_ONE = "name it with --mapping, or have a first one written: `confiture migrate schema-to-schema map`"


def _read_table(source: str, entry: Entry) -> list[TableMap]:
    if entry.value is None:  # a name with nothing below it: the table as it is
        return [TableMap(source=source, path=entry.path, line=entry.line)]
    if not isinstance(entry.value, dict) or "into" not in entry.value:
        return [_read_way(source, entry)]
    into = entry.entries(_TABLES)
    if beside := next((name for name in into if name != "into"), None):
        raise into[beside].error(
            "stands beside 'into'", hint="write it in each of the entries of 'into', which are ways of their own"
        )
    ways = into["into"].items("write a list of new tables: [{target: people}, {target: addresses}]")
    if not ways:
        raise into["into"].error("is empty", hint="a table that nothing takes stands below 'drop', at the top")
    for way in ways:
        if not isinstance(way.value, dict) or way.value.get("target") is None:
            raise way.error("has no 'target'", hint="each part of a split table names its new table: {target: people}")
    return [_read_way(source, way) for way in ways]


def _read_way(source: str, entry: Entry) -> TableMap:
    readers: dict[str, Callable[[Entry], Any]] = {
        "target": Entry.table,
        "columns": _read_columns,
        "drop": Entry.columns,
        "defaults": _read_defaults,
        "filter": _expression,
        "key": Entry.columns,
        "lookups": _read_lookups,
        "strategy": lambda each: each.text("name a transfer engine: copy, fdw, hybrid"),
        "full_refresh": Entry.truth,
        "custom_sql": _custom,
    }
    keys = entry.keys(*readers)
    # A key with nothing behind it is as one that is not there: people leave them when they empty a list.
    read = {name: readers[name](each) for name, each in keys.items() if each.value is not None}
    columns, drop = read.get("columns", {}), read.get("drop", ())
    if both := next((name for name in drop if columns.get(name) is not None), None):
        raise keys["drop"].error(f"{both!r} is below 'columns' too", hint="a column is taken or dropped: take one out")
    return TableMap(source=source, path=entry.path, line=entry.line, **read)


def _read_columns(entry: Entry) -> dict[str, ColumnMap | None]:
    return {name: _read_column(name, each) for name, each in entry.by_name(_COLUMNS).items()}


def _read_column(name: str, entry: Entry) -> ColumnMap | None:
    if entry.value is None:
        return None
    if isinstance(entry.value, dict):
        keys = {
            key: each for key, each in entry.keys("target", "transform", "reverse").items() if each.value is not None
        }
        if not keys:
            raise entry.error("says nothing", hint='write {target: new_name, transform: "..."}, or one of them')
        return ColumnMap(
            target=keys["target"].column() if "target" in keys else name if "transform" in keys else None,
            transform=_expression(keys["transform"]) if "transform" in keys else None,
            reverse=_sql(keys["reverse"], check_row_expression) if "reverse" in keys else None,
        )
    if not isinstance(entry.value, str):
        raise entry.error("must be the new name in quotes, a table of keys, or null", hint=_COLUMNS)
    return ColumnMap(target=entry.column())


def _read_defaults(entry: Entry) -> dict[str, str]:
    hint = 'write new_column: "SQL", with quotes of its own around a text: "\'free\'"'
    return {name: _literal(each, hint) for name, each in entry.by_name(hint).items()}


def _literal(entry: Entry, hint: str) -> str:
    """SQL, or a value that is the same in SQL."""
    if entry.value is None:
        return "NULL"
    if isinstance(entry.value, bool):
        return "true" if entry.value else "false"
    if isinstance(entry.value, int):
        return str(entry.value)
    return _expression(entry, hint)


def _read_lookups(entry: Entry) -> dict[str, LookupMap]:
    hint = 'write name: {table: cities, on: "name.id = users.city_id"}'
    found = entry.by_name(hint).items()
    # An alias in SQL, which is folded there too; one that was quoted is not.
    return {split_name(each.name)[0]: _read_lookup(each, hint) for _, each in found}


def _read_lookup(entry: Entry, hint: str) -> LookupMap:
    keys = entry.keys("table", "on", "join", "touch")
    for needed in ("table", "on"):
        if needed not in keys:
            raise entry.error(f"has no {needed!r}", hint=hint)
    return LookupMap(
        table=keys["table"].table(),
        on=_expression(keys["on"]),
        join="inner" if "join" in keys and keys["join"].choice("left", "inner") == "inner" else "left",
        touch=_sql(keys["touch"], check_query) if "touch" in keys else None,
    )


def _expression(entry: Entry, hint: str = "write SQL in quotes") -> str:
    return _sql(entry, check_expression, hint)


def _custom(entry: Entry) -> str:
    return _sql(entry, custom_sql, "write SQL in quotes, or as a block below `custom_sql: |`")


def _sql(entry: Entry, check: Callable[[str], object], hint: str = "write SQL in quotes") -> str:
    text = entry.text(hint)
    try:
        check(text)
    except SqlError as error:
        raise entry.error(error.message, hint=error.hint, text_line=error.line) from None
    return text.strip()
