"""Publications."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from confiture.model import SchemaObject, Statement
from confiture.quoting import quote_literal
from confiture_catalog.differ.handler import Alteration, Handler, Way, sql
from confiture_catalog.differ.world import World

__all__ = ["PublicationHandler"]

_EVERYTHING = "insert, update, delete, truncate"


class PublicationHandler(Handler):
    """CREATE, ALTER and DROP PUBLICATION."""

    kinds = ("publication",)
    rank = 90

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE PUBLICATION."""
        what = "FOR ALL TABLES" if new.properties.get("all_tables") else _members(new)
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
            if members := _members(new):
                statements.append(sql(f"{alter} SET {members}"))
            else:
                statements.append(sql(f"{alter} DROP {_bare_members(old, world)}", undo=f"{alter} ADD {_members(old)}"))
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


def _members(found: SchemaObject) -> str:
    """``TABLE a, b (c) WHERE (...), TABLES IN SCHEMA d``."""
    tables, schemas = _entries(found, "tables"), _entries(found, "schemas")
    said = [f"TABLE {', '.join(tables)}"] if tables else []
    return ", ".join([*said, *([f"TABLES IN SCHEMA {', '.join(schemas)}"] if schemas else [])])


def _bare_members(found: SchemaObject, world: World) -> str:
    """The same without columns and conditions, which DROP does not want."""
    names = {each.identity for each in (world.old.get(key) for key in found.needs) if each and each.kind == "table"}
    tables = [next((n for n in names if f"{each} ".startswith(f"{n} ")), each) for each in _entries(found, "tables")]
    schemas = _entries(found, "schemas")
    said = [f"TABLE {', '.join(tables)}"] if tables else []
    return ", ".join([*said, *([f"TABLES IN SCHEMA {', '.join(schemas)}"] if schemas else [])])
