"""Publications."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture.quoting import quote_literal
from confiture_catalog.differ.handler import Alteration, Handler, Way, sql
from confiture_catalog.differ.world import Side, World

__all__ = ["PublicationHandler"]

_EVERYTHING = "insert, update, delete, truncate"


class PublicationHandler(Handler):
    """CREATE, ALTER and DROP PUBLICATION."""

    kinds = ("publication",)
    rank = 90

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE PUBLICATION."""
        what = "FOR ALL TABLES" if new.properties.get("all_tables") else _members(new, world.new)
        what = f"FOR {what}" if what and not new.properties.get("all_tables") else what
        said = {name: value for name, value in _options(new).items() if value != _DEFAULTS[name]}
        options = f" WITH ({_written(said)})" if said else ""
        return (sql(f"CREATE PUBLICATION {new.identity}{' ' + what if what else ''}{options}"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP PUBLICATION."""
        return (sql(f"DROP PUBLICATION {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """ALTER PUBLICATION: its members as a whole, so that no moment is without one that stays."""
        before, after = old.properties, new.properties
        if before.get("all_tables") != after.get("all_tables"):
            return Way.REPLACE
        statements = []
        if any(before.get(name) != after.get(name) for name in ("tables", "schemas")):
            alter = f"ALTER PUBLICATION {new.identity}"
            if members := _members(new, world.new):
                statements.append(sql(f"{alter} SET {members}"))
            else:
                statements.append(
                    sql(
                        f"{alter} DROP {_members(old, world.old, bare=True)}",
                        undo=f"{alter} ADD {_members(old, world.old)}",
                    )
                )
        was, becomes = _options(old), _options(new)
        if changed := {name: value for name, value in becomes.items() if was[name] != value}:
            statements.append(sql(f"ALTER PUBLICATION {new.identity} SET ({_written(changed)})"))
        return statements


_DEFAULTS = {"publish": _EVERYTHING, "publish_via_partition_root": "false", "publish_generated_columns": "none"}


def _options(found: SchemaObject) -> dict[str, str]:
    values = found.properties
    publish = values.get("publish") or ()
    assert isinstance(publish, tuple)
    return {
        "publish": ", ".join(str(each) for each in publish),
        "publish_via_partition_root": "true" if values.get("via_root") else "false",
        "publish_generated_columns": str(values.get("generated") or "none"),
    }


def _written(options: dict[str, str]) -> str:
    return ", ".join(f"{name} = {quote_literal(value)}" for name, value in options.items())


def _entries(found: SchemaObject, name: str) -> list[str]:
    values = found.properties.get(name) or ()
    return [str(each) for each in values] if isinstance(values, tuple) else []


def _members(found: SchemaObject, side: Side, *, bare: bool = False) -> str:
    """``TABLE a, b (c) WHERE (...), TABLES IN SCHEMA d``; ``bare`` without what DROP does not want.

    A table's children are members of their own, and would be named twice were it not for ONLY.
    """
    needed = [side.get(key) for key in found.needs]
    names = {each.identity for each in needed if each is not None and each.kind == "table"}
    parents = {str(name) for each in needed if each is not None for name in _entries(each, "inherits")}
    tables = []
    for entry in _entries(found, "tables"):
        name = next((each for each in names if f"{entry} ".startswith(f"{each} ")), entry)
        tables.append(f"{'ONLY ' if name in parents else ''}{name if bare else entry}")
    schemas = _entries(found, "schemas")
    said = [f"TABLE {', '.join(tables)}"] if tables else []
    return ", ".join([*said, *([f"TABLES IN SCHEMA {', '.join(schemas)}"] if schemas else [])])
