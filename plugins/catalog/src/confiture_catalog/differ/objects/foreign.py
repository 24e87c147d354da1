"""Foreign data wrappers, servers and user mappings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from confiture.model import Hazard, ObjectKey, SchemaObject, Statement, Value
from confiture.quoting import quote_ident, quote_literal
from confiture_catalog.differ.handler import Alteration, Handler, Way, refuse_data_loss, sql
from confiture_catalog.differ.objects.options import foreign_options
from confiture_catalog.differ.world import World

__all__ = ["ServerHandler", "UserMappingHandler", "WrapperHandler"]


def _options(found: SchemaObject) -> str:
    said = foreign_options(found.properties.get("options"))
    return f" OPTIONS ({said})" if said else ""


def _changed_options(old: SchemaObject, new: SchemaObject) -> str:
    before, after = old.properties.get("options"), new.properties.get("options")
    said = foreign_options(after, before) if before != after else ""
    return f" OPTIONS ({said})" if said else ""


class WrapperHandler(Handler):
    """CREATE, ALTER and DROP FOREIGN DATA WRAPPER."""

    kinds = ("foreign data wrapper",)
    rank = 28

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE FOREIGN DATA WRAPPER."""
        said = "".join(f" {word} {new.properties[name]}" for name, word in _FUNCTIONS if new.properties.get(name))
        return (sql(f"CREATE FOREIGN DATA WRAPPER {new.identity}{said}{_options(new)}"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP FOREIGN DATA WRAPPER."""
        return (sql(f"DROP FOREIGN DATA WRAPPER {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """ALTER FOREIGN DATA WRAPPER."""
        said = ""
        for name, word in _FUNCTIONS:
            before, after = old.properties.get(name), new.properties.get(name)
            if before != after:
                said += f" {word} {after}" if after else f" NO {word}"
        said += _changed_options(old, new)
        return (sql(f"ALTER FOREIGN DATA WRAPPER {new.identity}{said}"),) if said else ()


_FUNCTIONS = (("handler", "HANDLER"), ("validator", "VALIDATOR"))


class ServerHandler(Handler):
    """CREATE, ALTER and DROP SERVER."""

    kinds = ("server",)
    rank = 29

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE SERVER."""
        values = new.properties
        said = "".join(
            f" {word} {quote_literal(str(values[name])).strip()}"
            for name, word in (("type", "TYPE"), ("version", "VERSION"))
            if values.get(name) is not None
        )
        return (sql(f"CREATE SERVER {new.identity}{said} FOREIGN DATA WRAPPER {values['wrapper']}{_options(new)}"),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP SERVER."""
        return (sql(f"DROP SERVER {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """ALTER SERVER: its version and its options."""
        before, after = old.properties, new.properties
        if any(before.get(name) != after.get(name) for name in ("wrapper", "type")):
            return Way.REPLACE
        said = ""
        if before.get("version") != after.get("version"):
            version = after.get("version")
            said = f" VERSION {'NULL' if version is None else quote_literal(str(version)).strip()}"
        said += _changed_options(old, new)
        return (sql(f"ALTER SERVER {new.identity}{said}"),) if said else ()


class UserMappingHandler(Handler):
    """CREATE, ALTER and DROP USER MAPPING. The values of its options are passwords, and nobody read them."""

    kinds = ("user mapping",)
    rank = 30

    def create(self, new: SchemaObject, world: World, parts: Sequence[SchemaObject] = ()) -> Iterable[Statement]:
        """CREATE USER MAPPING; its options are empty."""
        names = _names(new.properties.get("option_names"))
        said = ", ".join(f"{quote_ident(name)} ''" for name in names)
        options = f" OPTIONS ({said})" if names else ""
        return (_to_be_filled(sql(f"CREATE USER MAPPING FOR {new.identity}{options}"), names),)

    def drop(self, old: SchemaObject, world: World) -> Iterable[Statement]:
        """DROP USER MAPPING."""
        return (sql(f"DROP USER MAPPING FOR {old.identity}"),)

    def alter(self, old: SchemaObject, new: SchemaObject, world: World) -> Alteration:
        """ALTER USER MAPPING; a new option is empty."""
        before, after = _names(old.properties.get("option_names")), _names(new.properties.get("option_names"))
        come = [name for name in after if name not in before]
        said = [f"DROP {quote_ident(name)}" for name in before if name not in after]
        said += [f"ADD {quote_ident(name)} ''" for name in come]
        return (_to_be_filled(sql(f"ALTER USER MAPPING FOR {new.identity} OPTIONS ({', '.join(said)})"), come),)

    def goes_with(self, old: SchemaObject, world: World) -> Iterable[ObjectKey]:
        """DROP SERVER does not take it along."""
        return ()

    def check_replace(self, old: SchemaObject, new: SchemaObject, reason: str, world: World) -> None:
        """The values of its options would be gone."""
        if old.properties.get("option_names"):
            refuse_data_loss(old, reason, world)


def _names(names: Value) -> list[str]:
    return [str(each) for each in names] if isinstance(names, tuple) else []


def _to_be_filled(statement: Statement, names: Sequence[str]) -> Statement:
    if not names:
        return statement
    message = f"the values of {', '.join(repr(name) for name in names)} are not known: set them after it"
    return msgspec.structs.replace(statement, hazards=(Hazard("lacks-values", message),))
